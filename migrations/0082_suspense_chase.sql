-- 暂收款催办: money that nobody has used yet, since when, and who follows it. Not in receipt: an employer's suspense is what several receipts
-- have left over, and has no row of its own there.
CREATE TABLE suspense_chase (
  centre_id   smallint NOT NULL,
  kind        smallint NOT NULL CHECK (kind IN (1, 2)),   -- 1 an unidentified receipt, 2 an employer's suspense
  ref_id      bigint   NOT NULL,            -- receipt or employer
  since       date     NOT NULL,            -- the bank's day, or the first night on which the employer had money left
  amount_fen  bigint   NOT NULL,            -- as the last night found it
  owner_id    bigint,                       -- the member of staff who follows it
  owned_at    timestamptz,
  reminded_on date,                         -- the employer's clerks, last
  reminders   integer  NOT NULL DEFAULT 0,
  PRIMARY KEY (centre_id, kind, ref_id)
);
CREATE INDEX suspense_chase_since ON suspense_chase (centre_id, since, kind, ref_id);     -- the list, oldest first; whoever is to be reminded

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON suspense_chase TO anju_app;
  END IF;
END $$;
