-- no-transaction
-- For membership::of_person, which also shows what has ended: membership_live leaves that out, so that the whole table was read for
-- every page of a person (5 ms at 24,000 memberships, seconds at three million).
CREATE INDEX CONCURRENTLY IF NOT EXISTS membership_person ON membership (centre_id, person_id);
