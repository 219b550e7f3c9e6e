-- 暂收款催办: money for a closed account (late_credit) is a line of its own, beside what an employer may use.
ALTER TABLE suspense_chase DROP CONSTRAINT suspense_chase_kind_check;
ALTER TABLE suspense_chase ADD CONSTRAINT suspense_chase_kind_check CHECK (kind IN (1, 2, 3));   -- 3 a late credit
