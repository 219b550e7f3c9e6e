-- Transfers between cities (异地转移接续, contribution.md §12): a contact letter on either side, and the months that came with the money.
--
-- A table of its own beside the case: a case has the one path of all services (services.md §15), a letter has two state machines of its own,
-- the other centre's number, its sheet, and money that is neither a withdrawal nor a receipt of an employer. A letter for somebody whom the
-- out-centre does not know has no case at all.
CREATE TABLE transfer_letter (
  centre_id     smallint NOT NULL,
  letter_id     bigint   NOT NULL,          -- also the case's
  side          smallint NOT NULL CHECK (side IN (1, 2)),   -- 1 the person comes here, 2 the person leaves
  letter_no     text     NOT NULL,          -- 联系函号, drawn by the in-centre
  other_centre  text     NOT NULL,          -- six digits
  other_name    text     NOT NULL,
  state         text     NOT NULL CHECK (state IN (
                  'LETTER_SENT', 'OUT_ACCEPTED', 'FUNDS_SENT', 'COMPLETED', 'RETURNED', 'CANCELLED',
                  'LETTER_RECEIVED', 'LETTER_CONFIRMED', 'INFO_APPROVED', 'PAYING', 'PAID', 'CLOSED', 'REFUSED', 'NEGOTIATING')),
  person_id     bigint,
  account_id    bigint,
  membership_id bigint,
  branch_id     smallint NOT NULL,
  applied_at    timestamptz NOT NULL,       -- APPLIED, or the letter's arrival
  alarm_on      date     NOT NULL,          -- from this day on the desk sees it in red
  moved_at      timestamptz NOT NULL,
  handed_at     timestamptz,                -- the platform has taken our letter
  next_at       timestamptz,                -- when the engine looks at it; none: somebody else moves it
  escalated_at  timestamptz,
  cancel_asked_at timestamptz,
  ended_at      timestamptz,
  working_days  integer,                    -- from APPLIED to the end
  sheet         jsonb,                      -- 转移信息表: dates, months, amounts
  amount_fen    bigint CHECK (amount_fen > 0),
  received_fen  bigint   NOT NULL DEFAULT 0 CHECK (received_fen >= 0),
  receipt_bank  text,                       -- our bank at which the money came
  payer_account text,                       -- whoever paid it, and is paid back
  payer_name    text,
  pay_bank      text,                       -- our bank that pays
  pay_account   text,
  pay_holder    text,
  pay_state     smallint NOT NULL DEFAULT 0,-- as of a case: 0 none, 1 sending, 2 unknown, 3 paid, 4 rejected, 5 returned
  pay_attempt   smallint NOT NULL DEFAULT 0,
  tries         smallint NOT NULL DEFAULT 0,-- payments that the out-centre's bank refused
  interest_journal bigint,                  -- E28 of the closing, none where it was zero
  out_journal   bigint,                     -- E35
  out_on        date,                       -- business date of both
  heard         jsonb    NOT NULL DEFAULT '[]',   -- what the in-centre said of money whose payment our bank had not confirmed yet
  proposal      text,                       -- what one person proposes and another confirms
  proposed_by   bigint,
  proposed_at   timestamptz,
  reason_code   text,
  reason        text,
  PRIMARY KEY (centre_id, letter_id),
  UNIQUE (centre_id, side, letter_no)       -- a letter that comes again; money that names it
);
-- RT-05: one live request for a person and another centre.
CREATE UNIQUE INDEX transfer_letter_live ON transfer_letter (centre_id, person_id, side, other_centre) WHERE ended_at IS NULL;
-- For the engine.
CREATE INDEX transfer_letter_due ON transfer_letter (centre_id, next_at) WHERE next_at IS NOT NULL;
-- For the list of the desk, and for the audit of 21906.
CREATE INDEX transfer_letter_open ON transfer_letter (centre_id, letter_id) WHERE ended_at IS NULL;
-- For the letters of a person.
CREATE INDEX transfer_letter_person ON transfer_letter (centre_id, person_id, letter_id);

CREATE TABLE remote_month (                 -- months contributed at another centre, kind REMOTE
  centre_id     smallint NOT NULL,
  person_id     bigint   NOT NULL,
  month         integer  NOT NULL,          -- 12 x year + month - 1
  letter_id     bigint   NOT NULL,
  PRIMARY KEY (centre_id, person_id, month)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON transfer_letter TO anju_app;
    GRANT SELECT, INSERT ON remote_month TO anju_app;
  END IF;
END $$;
