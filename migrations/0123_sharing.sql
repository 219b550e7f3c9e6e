-- What sources send in files, what it says of our customers, and what a person doubts of it (data_sharing.md §6, §10).
--
-- Not in `inbox`: its rows are entries of a bank with an amount, and a refused file is kept with its reason. Not in `business_case`: a file is no
-- request of anybody. What a row says is a `fact` like any other; these rows say which of them a file brought and what followed.

CREATE TABLE batch_file (                   -- 批量文件
  centre_id   smallint    NOT NULL,
  file_id     bigint      NOT NULL,
  source      text        NOT NULL,
  flow        text        NOT NULL,         -- of the catalogue: retirees, employment, deaths, status, subsidy
  name        text        NOT NULL,
  day         date        NOT NULL,         -- for which it speaks
  sm3         text        NOT NULL,
  rows        integer     NOT NULL,
  known_rows  integer     NOT NULL,         -- of our customers; the others leave nothing behind
  control     bigint      NOT NULL,
  state       smallint    NOT NULL,         -- 1 taken, 2 refused whole
  reason      text        NOT NULL DEFAULT '',
  received_at timestamptz NOT NULL,
  PRIMARY KEY (centre_id, file_id)
);
CREATE UNIQUE INDEX batch_file_taken ON batch_file (centre_id, source, name) WHERE state = 1;   -- sent again, it changes nothing
CREATE INDEX batch_file_flow ON batch_file (centre_id, flow, file_id DESC);                     -- files of a flow, newest first
CREATE INDEX batch_file_source ON batch_file (centre_id, source, file_id DESC);                 -- files of a source, newest first
CREATE INDEX batch_file_day ON batch_file (centre_id, flow, state, day DESC);                   -- whether the file of a day has come

CREATE TABLE batch_signal (                 -- 信号: a row of a file that is about a customer
  centre_id  smallint    NOT NULL,
  signal_id  bigint      NOT NULL,
  file_id    bigint      NOT NULL,
  flow       text        NOT NULL,
  owner_id   bigint      NOT NULL,          -- person, or employer for `status`
  fact_id    bigint      NOT NULL,
  at         timestamptz NOT NULL,
  state      smallint    NOT NULL,          -- 0 kept, 1 a person has to look, 2 confirmed, 3 taken back
  holds      bigint[]    NOT NULL DEFAULT '{}',  -- what a death laid on the accounts
  done_by    bigint,
  done_at    timestamptz,
  note       text        NOT NULL DEFAULT '',
  PRIMARY KEY (centre_id, signal_id)
);
CREATE INDEX batch_signal_flow ON batch_signal (centre_id, flow, signal_id DESC);               -- who retired, for finding the entitled
CREATE INDEX batch_signal_owner ON batch_signal (centre_id, owner_id, flow);                    -- what is known of one customer
CREATE INDEX batch_signal_open ON batch_signal (centre_id, signal_id) WHERE state = 1;          -- what waits for a person

CREATE TABLE fact_dispute (                 -- 数据异议: a work order to a source
  centre_id    smallint    NOT NULL,
  dispute_id   bigint      NOT NULL,
  person_id    bigint      NOT NULL,
  fact_id      bigint      NOT NULL,
  source       text        NOT NULL,
  fact_type    text        NOT NULL,
  case_id      bigint,
  reason_sealed bytea      NOT NULL,
  state        smallint    NOT NULL,        -- 1 to be sent, 2 with the source, 3 corrected, 4 stands
  opened_at    timestamptz NOT NULL,
  due_on       date        NOT NULL,
  order_no     text        NOT NULL DEFAULT '',
  answered_at  timestamptz,
  answer       text        NOT NULL DEFAULT '',
  PRIMARY KEY (centre_id, dispute_id)
);
CREATE INDEX fact_dispute_person ON fact_dispute (centre_id, person_id, dispute_id DESC);       -- one's own
CREATE INDEX fact_dispute_open ON fact_dispute (centre_id, source, dispute_id) WHERE state < 3; -- what is to be sent and what waits
CREATE UNIQUE INDEX fact_dispute_once ON fact_dispute (centre_id, fact_id) WHERE state < 3;     -- one living doubt a fact

CREATE TABLE source_disagreement (          -- 数据不一致: what two registers said differently of one thing, once a case
  centre_id  smallint    NOT NULL,
  case_id    bigint      NOT NULL,
  fact_type  text        NOT NULL,
  source     text        NOT NULL,
  at         timestamptz NOT NULL,
  PRIMARY KEY (centre_id, case_id, fact_type)
);
CREATE INDEX source_disagreement_source ON source_disagreement (centre_id, source, at DESC);    -- of a source, newest first

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON batch_file, batch_signal, fact_dispute, source_disagreement TO anju_app;
    GRANT UPDATE ON batch_signal, fact_dispute TO anju_app;
  END IF;
END $$;
