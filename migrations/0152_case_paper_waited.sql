-- Seconds that a case has stood still for a paper. The promise is pushed on by the same time, but it is one instant: what was waited for a
-- source (gather_max_wait_hours) cannot be read off it, and events are for people, not for rules.

ALTER TABLE business_case ADD COLUMN paper_waited_s bigint NOT NULL DEFAULT 0;
