-- Papers that are handed in for a case (补正材料; withdrawal.md §7 NEED_MORE, data_sharing.md §6): the picture as it came, what a teller read
-- from it, and whether the source said the same later.
--
-- Why a table of its own: `document` keeps what we issue, under a code that strangers verify; `fact` is append-only and knows no picture, no
-- maker and checker, and no paper that was turned down.

CREATE TABLE case_paper (
  centre_id    smallint    NOT NULL,
  paper_id     bigint      NOT NULL,
  case_id      bigint      NOT NULL,
  condition    text        NOT NULL,        -- the condition that it is for
  name         text        NOT NULL,        -- 低保证
  kind         text        NOT NULL CHECK (kind IN ('image/jpeg', 'image/png', 'application/pdf')),
  bytes        integer     NOT NULL CHECK (bytes > 0),
  digest       bytea       NOT NULL,        -- SM3 of the picture; the case's evidence commits to it
  sealed       bytea       NOT NULL,        -- the picture
  state        smallint    NOT NULL DEFAULT 1,   -- 1 handed in, 2 read by one teller, 3 a fact, 9 turned down
  handed_in_at timestamptz NOT NULL,
  handed_in_by bigint      NOT NULL,
  facts        jsonb,                       -- what a teller read: [{role, type, value}]
  maker_id     bigint,
  made_at      timestamptz,
  checker_id   bigint,
  reason       text,                        -- why it was turned down
  fact_ids     bigint[]    NOT NULL DEFAULT '{}',
  verify_at    timestamptz,                 -- when the source is asked whether it says the same (事后核验)
  verified     smallint,                    -- 1 it does, 2 it does not (追回核查)
  verified_at  timestamptz,
  differences  text[],                      -- the fields that differ
  closed_by    bigint,                      -- who looked into a difference
  closed_at    timestamptz,
  closed_reason text,
  PRIMARY KEY (centre_id, paper_id)
);
CREATE INDEX case_paper_case ON case_paper (centre_id, case_id, paper_id);                           -- the papers of a case
CREATE INDEX case_paper_waiting ON case_paper (centre_id, state, paper_id) WHERE state IN (1, 2);   -- the queue of tellers
CREATE INDEX case_paper_verify ON case_paper (centre_id, verify_at) WHERE verify_at IS NOT NULL;    -- to be verified afterwards
CREATE INDEX case_paper_differs ON case_paper (centre_id, paper_id) WHERE verified = 2;             -- to be looked into

-- A case that waits for a paper: since when its clock stands, and the last day for the paper. Null: the clock runs.
ALTER TABLE business_case ADD COLUMN paper_since timestamptz, ADD COLUMN paper_until date;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON case_paper TO anju_app;
    -- The picture is never changed.
    GRANT UPDATE (state, facts, maker_id, made_at, checker_id, reason, fact_ids, verify_at, verified, verified_at, differences, closed_by,
                  closed_at, closed_reason) ON case_paper TO anju_app;
  END IF;
END $$;
