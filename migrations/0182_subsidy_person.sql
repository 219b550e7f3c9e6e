-- no-transaction
-- For papers::statement: a person's subsidy accounts, closed ones too; subsidy_member_person holds only the living one.
CREATE INDEX CONCURRENTLY IF NOT EXISTS subsidy_member_of_person ON subsidy_member (centre_id, person_id, account_id);
