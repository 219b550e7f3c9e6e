-- 死亡提取 (withdrawal.md §5.2): one case pays several heirs, each to a card of his own and each with the bank's own word; and what the desk notes of
-- an estate that is disputed or that nobody takes.
--
-- Not more columns of business_case: its payment is one, and what pays one stays as quick as it is. Not one case for each heir: they are decided
-- together, over one account, and the account is closed once. Not employer_refund: that goes back to where the money came from.
CREATE TABLE case_share (                   -- 一案多付: what one payee of a case gets
  centre_id    smallint NOT NULL,
  share_id     bigint   NOT NULL,           -- names the payment at the bank: H…-attempt
  case_id      bigint   NOT NULL,
  place        smallint NOT NULL,           -- order in the list: ties of the largest remainder go to the earlier
  payee_sealed bytea    NOT NULL,           -- name and number of the payee, holder and number of the card
  name_shown   text     NOT NULL,           -- masked
  card_last4   text     NOT NULL,
  share_bp     integer  NOT NULL CHECK (share_bp BETWEEN 0 AND 10000),
  amount_fen   bigint   NOT NULL CHECK (amount_fen >= 0),
  state        smallint NOT NULL,           -- 1 sending, 2 unknown, 3 paid, 4 refused: back on the account, 5 returned: in 21905
  attempt      smallint NOT NULL,
  returned     boolean  NOT NULL DEFAULT FALSE,  -- the money was paid once and came back: the next attempt is paid out of 21905
  bank         text     NOT NULL,
  bank_ref     text,
  reason       text,                        -- what the bank said
  legs         jsonb    NOT NULL,           -- [{account, fen, journal, on}]: what of which account, by which E21 of the last attempt
  settled_at   timestamptz,
  PRIMARY KEY (centre_id, share_id)
);
CREATE UNIQUE INDEX case_share_of ON case_share (centre_id, case_id, place);    -- the payments of a case, in their order

CREATE TABLE estate_notice (                -- 遗产登记: set and lifted by two persons
  centre_id   smallint    NOT NULL,
  notice_id   bigint      NOT NULL,         -- also of the case that books an estate without heirs
  person_id   bigint      NOT NULL,         -- who has died
  kind        smallint    NOT NULL CHECK (kind IN (1, 2)),  -- 1 继承争议, 2 无人继承
  state       smallint    NOT NULL,         -- 1 proposed, 2 in force, 3 lifting proposed, 9 ended, 8 turned down
  document_no text        NOT NULL,         -- of the court or notary
  reason      text        NOT NULL,
  until       date,                         -- the last day of a dispute's hold
  maker_id    bigint      NOT NULL,
  made_at     timestamptz NOT NULL,
  checker_id  bigint,
  checked_at  timestamptz,
  PRIMARY KEY (centre_id, notice_id)
);
CREATE INDEX estate_notice_person ON estate_notice (centre_id, person_id, kind);                              -- what stands in the heirs' way
CREATE UNIQUE INDEX estate_notice_live ON estate_notice (centre_id, person_id, kind) WHERE state IN (1, 2, 3);  -- one of a kind at a time

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON case_share, estate_notice TO anju_app;
  END IF;
END $$;
