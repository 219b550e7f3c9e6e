-- 司法冻结、续冻、解冻、扣划 (contribution.md §3.4, withdrawal.md §8): orders that stand on a person's account, and every instruction of a court.
--
-- Not in `account_hold` alone: an order waits its turn behind another court's before anything lies on the account, keeps what is left of its
-- amount, and lives on while its hold is replaced. Not in `business_case` alone: a case is one piece of work and ends; an order stands for a
-- year. Not in `inbox`: its rows are entries of a bank. Each instruction has a case of its own number, so that its steps are evidence.

CREATE TABLE court_order (                  -- 冻结
  centre_id    smallint    NOT NULL,
  order_id     bigint      NOT NULL,        -- the instruction that asked for it
  person_id    bigint      NOT NULL,
  account_id   bigint      NOT NULL,        -- the fund account
  order_no     text        NOT NULL,        -- the court's number of it
  court        text        NOT NULL,
  case_no      text        NOT NULL,        -- 案号
  amount_fen   bigint      CHECK (amount_fen > 0),   -- null: the whole account (只收不付)
  left_fen     bigint      CHECK (left_fen >= 0),    -- of the amount, after deductions and partial releases
  from_date    date        NOT NULL,
  to_date      date        NOT NULL,        -- to the end of this day
  state        smallint    NOT NULL CHECK (state BETWEEN 2 AND 6),  -- 2 effective, 3 queued, 4 released, 5 expired, 6 consumed
  arrived_at   timestamptz NOT NULL,
  effective_at timestamptz,
  ended_at     timestamptz,
  reminded_on  date,                        -- the court desk was told that the term ends
  PRIMARY KEY (centre_id, order_id),
  CHECK ((amount_fen IS NULL) = (left_fen IS NULL))
);
CREATE UNIQUE INDEX court_order_no ON court_order (centre_id, order_no);                            -- what an instruction refers to
CREATE INDEX court_order_person ON court_order (centre_id, person_id, order_id DESC);               -- a person's orders
CREATE INDEX court_order_queue ON court_order (centre_id, person_id, arrived_at) WHERE state IN (2, 3);  -- whose turn it is
CREATE INDEX court_order_state ON court_order (centre_id, state, order_id DESC);                    -- the desk's list
CREATE INDEX court_order_ends ON court_order (centre_id, to_date) WHERE state IN (2, 3);            -- the night's expiry and the desk's reminder

CREATE TABLE court_act (                    -- 协助执行事项: one instruction
  centre_id   smallint    NOT NULL,
  act_id      bigint      NOT NULL,
  act_no      text        NOT NULL,         -- the court's number of the instruction
  kind        smallint    NOT NULL CHECK (kind BETWEEN 0 AND 5),   -- 1 freeze, 2 extend, 3 release, 4 deduct, 5 query, 0 unreadable
  order_id    bigint,                       -- the freeze that it is about
  person_id   bigint,                       -- null: nobody known here
  channel     text        NOT NULL,         -- PUSH or CTR
  digest      bytea       NOT NULL,         -- keyed, of what was said: the same number again must say the same
  said_sealed bytea       NOT NULL,         -- all of it, officers and numbers included
  amount_fen  bigint,                       -- of a deduction: what is paid
  state       smallint    NOT NULL CHECK (state BETWEEN 1 AND 7),
                                            -- 1 waits for the second person, 2 done, 3 paying, 4 refused, 5 not paid by the bank,
                                            -- 6 came back after it was paid, 7 sent back by the second person
  received_at timestamptz NOT NULL,
  maker_id    bigint      NOT NULL,         -- 0: the line
  checker_id  bigint,
  checked_at  timestamptz,
  words       text        NOT NULL DEFAULT '',   -- the second person's
  answer      jsonb       NOT NULL DEFAULT '{}', -- what the court is told
  document_no text        NOT NULL DEFAULT '',
  issued_on   date,
  paper       jsonb       NOT NULL DEFAULT '{}', -- the receipt as words
  pay_bank    text,
  journal_id  bigint,
  booked_on   date,
  pay_unknown boolean     NOT NULL DEFAULT false,
  PRIMARY KEY (centre_id, act_id)
);
CREATE UNIQUE INDEX court_act_no ON court_act (centre_id, act_no) WHERE state <> 7;     -- a number counts once
CREATE INDEX court_act_order ON court_act (centre_id, order_id, act_id);                -- the history of an order
CREATE INDEX court_act_state ON court_act (centre_id, state, act_id DESC);              -- what waits, what was refused

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON court_order, court_act TO anju_app;
    GRANT UPDATE (left_fen, to_date, state, effective_at, ended_at, reminded_on) ON court_order TO anju_app;
    GRANT UPDATE (order_id, person_id, said_sealed, amount_fen, state, checker_id, checked_at, words, answer, document_no, issued_on, paper,
                  pay_bank, journal_id, booked_on, pay_unknown) ON court_act TO anju_app;
  END IF;
END $$;
