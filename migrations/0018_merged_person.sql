-- 账户合并 (contribution.md §3.1): two numbers turned out to be one person. Never deleted: who is found by the other number is this one.
ALTER TABLE person ADD COLUMN merged_into bigint;
