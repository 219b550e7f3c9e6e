-- 服务效能 (services.md §17): what each case says of its service, one narrow row a case, kept from the events of the case within a minute.
--
-- Why a table: the figures of a year read 400,000 cases with the three events that each has. Out of business_case and case_event themselves that
-- takes four seconds (wide rows, steps in arrays), and a page has two such periods; out of this table a fifth of one. Not sums of days: a median of
-- medians is none, and a figure opens the list of its cases. Not columns of business_case: each withdrawal writes that row twice, and what is
-- counted here is nobody's business while he waits.
CREATE TABLE case_measured (
  centre_id  smallint NOT NULL,
  case_id    bigint   NOT NULL,
  bank_ms    bigint,                        -- from the decision to the bank's word; null: no bank was asked, or it has not answered
  begun_on   date     NOT NULL,             -- the day of Shanghai on which it was submitted
  branch_id  smallint NOT NULL,
  visits     smallint NOT NULL,             -- days on which a paper was brought to a counter
  online     boolean  NOT NULL,             -- begun without the counter
  paper      boolean  NOT NULL,             -- needed a paper while it was gathering
  decided    boolean  NOT NULL,
  by_rules   boolean  NOT NULL,             -- decided, and no person had a part in it
  in_time    boolean  NOT NULL,             -- decided within its promise
  done       boolean  NOT NULL,
  service    text     NOT NULL,
  PRIMARY KEY (centre_id, case_id)
);
-- Figures of a period by service, and the lists behind them, both in the order in which they are read.
CREATE INDEX case_measured_service ON case_measured (centre_id, service, begun_on, case_id);

CREATE TABLE case_measured_to (             -- up to which instant the events of the centre are measured
  centre_id smallint    NOT NULL PRIMARY KEY,
  at        timestamptz NOT NULL
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON case_measured, case_measured_to TO anju_app;
  END IF;
END $$;
