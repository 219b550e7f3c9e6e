-- no-transaction
-- One clue for one thing (contribution::enforcement::clue), but beside it those that came with a merged employer (0189). Built before the
-- narrower one goes (0191).
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS enforcement_one ON enforcement
  (centre_id, employer_id, source, coalesce(complaint_id, 0), coalesce(from_employer_id, 0)) WHERE state <> 8;
