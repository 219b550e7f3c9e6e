-- How fast withdrawals are (秒级到账): one row a service and closed day, written once with the day's signature, so that the public figure of
-- a month reads thirty days of rows and never the cases and journals themselves.
CREATE TABLE withdrawal_pace (
  centre_id  smallint NOT NULL,
  day        date     NOT NULL,             -- business day on which the banks had paid
  service    text     NOT NULL,
  paid       integer  NOT NULL,             -- withdrawals that reached the card
  in_seconds integer  NOT NULL,             -- of these within the seconds of policy, from submission to the bank's word
  by_rules   integer  NOT NULL,             -- decided by rules alone
  source_ms  bigint   NOT NULL,             -- medians of the day: asking sources,
  decided_ms bigint   NOT NULL,             -- from submission to the decision,
  bank_ms    bigint   NOT NULL,             -- from the decision to the bank's word,
  total_ms   bigint   NOT NULL,             -- from submission to the bank's word,
  slow_ms    bigint   NOT NULL,             -- and the 95th in a hundred of these
  PRIMARY KEY (centre_id, day, service)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON withdrawal_pace TO anju_app;
  END IF;
END $$;
