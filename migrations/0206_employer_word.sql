-- 一网通办 (P05): what became of an employer is told to the parties that register it, too. The outbox has one message of each change and lets it
-- go when all have taken it; who has taken it and when, and whom nobody reached yet, is shown to clerk and desk as long as the employer is,
-- so that it cannot stand there.
CREATE TABLE employer_word (
  centre_id   smallint    NOT NULL,
  word_id     bigint      NOT NULL,             -- the number of the message, the same for all parties however often it is sent
  employer_id bigint      NOT NULL,
  case_id     bigint      NOT NULL,
  event       text        NOT NULL CHECK (event IN ('pre_opened', 'opened', 'changed', 'sealed', 'unsealed', 'cancelled', 'merged')),
  on_date     date        NOT NULL,             -- the day from which it counts
  said        jsonb       NOT NULL,             -- name and address as they were then; the representative is drawn when it is sent
  made_at     timestamptz NOT NULL,
  addressed_at timestamptz,                     -- since when its parties stand beside it
  PRIMARY KEY (centre_id, word_id)
);
CREATE INDEX employer_word_employer ON employer_word (centre_id, employer_id, made_at, word_id);   -- an employer's page, newest first

CREATE TABLE employer_word_party (
  centre_id   smallint    NOT NULL,
  word_id     bigint      NOT NULL,
  party       text        NOT NULL,             -- D05 …
  employer_id bigint      NOT NULL,
  made_at     timestamptz NOT NULL,             -- of the word
  tried_at    timestamptz,
  failure     text,                             -- why the last try was none
  again_at    timestamptz,
  taken_at    timestamptz,
  receipt     text,                             -- the party's number of it
  PRIMARY KEY (centre_id, word_id, party),
  FOREIGN KEY (centre_id, word_id) REFERENCES employer_word
);
-- What waits: in order at one party for one employer, and the desk's list.
CREATE INDEX employer_word_waiting ON employer_word_party (centre_id, employer_id, party, made_at, word_id) WHERE taken_at IS NULL;

-- 缴费基数 beside 参保人数: the sum of the insured's bases of a month, where social insurance says it (base check).
ALTER TABLE headcount ADD COLUMN insured_base_fen bigint;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON employer_word, employer_word_party TO anju_app;
  END IF;
END $$;
