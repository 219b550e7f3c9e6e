-- Money that the centre collects (委托收款, contribution.md §6.2, §6.3): what the holder of an account has signed, the orders to its bank, the
-- files in which they go out, and on a list how it is paid and when it is collected.
--
-- Not in `outbox`: an order lives on after it was sent, one list has several of them, and which list has a living one must be unique. Not
-- in `business_case`: an order is no request of anybody. A contract outlives the case that signed it.

CREATE TABLE debit_mandate (                -- 委托收款协议, 银行卡代扣协议
  centre_id      smallint NOT NULL,
  mandate_id     bigint   NOT NULL,         -- also of the case that signs it
  payer_id       bigint   NOT NULL,         -- employer, or person who contributes by himself
  payer_kind     smallint NOT NULL,         -- 1 employer, 2 person
  bank           text     NOT NULL,         -- where the account is kept; the fund account there receives
  account_sealed bytea    NOT NULL,
  account_last4  text     NOT NULL,
  holder_sealed  bytea    NOT NULL,         -- the name to which the bank has said yes
  limit_fen      bigint   NOT NULL CHECK (limit_fen > 0),        -- of one debit
  day            smallint NOT NULL CHECK (day BETWEEN 1 AND 28), -- of the month
  state          smallint NOT NULL,         -- 1 signing, 2 signed, 3 refused, 4 suspended, 9 ended
  reason         text,                      -- why it is refused, suspended or ended
  failed_months  smallint NOT NULL DEFAULT 0,                    -- in a row
  asked_at       timestamptz NOT NULL,
  signed_on      date,
  ended_at       timestamptz,
  PRIMARY KEY (centre_id, mandate_id)
);
-- One contract in force for each payer; one more may wait for the bank's word to take its place.
CREATE UNIQUE INDEX debit_mandate_live ON debit_mandate (centre_id, payer_id) WHERE state IN (2, 4);
CREATE UNIQUE INDEX debit_mandate_signing ON debit_mandate (centre_id, payer_id) WHERE state = 1;
CREATE INDEX debit_mandate_payer ON debit_mandate (centre_id, payer_id, mandate_id);              -- a payer's contracts
CREATE INDEX debit_mandate_waiting ON debit_mandate (centre_id, asked_at) WHERE state = 1;        -- whom the bank is asked about again

CREATE TABLE debit_file (                   -- 批量收款文件: orders of one day to one bank
  centre_id  smallint NOT NULL,
  file_id    bigint   NOT NULL,
  bank       text     NOT NULL,
  collect_on date     NOT NULL,
  orders     integer  NOT NULL,
  total_fen  bigint   NOT NULL,
  made_at    timestamptz NOT NULL,
  PRIMARY KEY (centre_id, file_id)
);

CREATE TABLE debit_order (                  -- 收款指令
  centre_id     smallint NOT NULL,
  order_id      bigint   NOT NULL,
  file_id       bigint   NOT NULL,
  mandate_id    bigint   NOT NULL,
  remittance_id bigint   NOT NULL,
  amount_fen    bigint   NOT NULL CHECK (amount_fen > 0),
  try           smallint NOT NULL,          -- of its list: 1, 2, 3
  state         smallint NOT NULL,          -- 1 created, 2 sent, 3 success, 4 failed, 5 unknown
  code          text,                       -- the bank's reason
  reason        text,
  bank_ref      text,
  made_at       timestamptz NOT NULL,
  sent_at       timestamptz,
  ended_at      timestamptz,
  PRIMARY KEY (centre_id, order_id)
);
-- One living order for each list, and none any more after a success.
CREATE UNIQUE INDEX debit_order_live ON debit_order (centre_id, remittance_id) WHERE state <> 4;
CREATE INDEX debit_order_list ON debit_order (centre_id, remittance_id, order_id);                -- a list's orders
CREATE INDEX debit_order_file ON debit_order (centre_id, file_id);                                -- a file's orders

-- Expand: the program before this one writes lists that are paid by transfer.
ALTER TABLE remittance
  ADD COLUMN pay_method    smallint NOT NULL DEFAULT 1,    -- 1 transfer (转账), 2 debit (委托收款), 3 at a bank's counter (柜面)
  ADD COLUMN mandate_id    bigint,                         -- by which it is collected
  ADD COLUMN collect_on    date,                           -- when its next order is made; none while one lives, and when nothing is tried any more
  ADD COLUMN collect_tries smallint NOT NULL DEFAULT 0,
  ADD COLUMN collecting    boolean NOT NULL DEFAULT false; -- 托收中: an order lives

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON debit_mandate, debit_order TO anju_app;
    GRANT SELECT, INSERT ON debit_file TO anju_app;
  END IF;
END $$;
