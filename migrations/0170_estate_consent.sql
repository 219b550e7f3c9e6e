-- 继承人网上确认 (withdrawal.md §5.2 DTH-03): who is named as an heir in somebody else's application and says with his own login whether the
-- shares are as agreed. Not in case_paper: that is a picture which a teller reads; this is an answer that somebody beside the applicant gives once.

CREATE TABLE estate_consent (
  centre_id   smallint    NOT NULL,
  case_id     bigint      NOT NULL,
  place       smallint    NOT NULL CHECK (place BETWEEN 2 AND 12),   -- in the form of the case, which keeps name, share and card
  heir_index  bytea       NOT NULL,        -- keyed digest of the heir's ID number: who may answer
  share_bp    integer     NOT NULL CHECK (share_bp BETWEEN 0 AND 10000),
  state       smallint    NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),   -- 1 asked, 2 agreed, 3 refused
  person_id   bigint,                      -- who answered
  asked_at    timestamptz NOT NULL,
  answered_at timestamptz,
  PRIMARY KEY (centre_id, case_id, place),
  CHECK ((state = 1) = (answered_at IS NULL))
);
CREATE INDEX estate_consent_heir ON estate_consent (centre_id, heir_index, case_id);   -- what an heir is asked

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON estate_consent TO anju_app;
    GRANT UPDATE (state, person_id, answered_at) ON estate_consent TO anju_app;
  END IF;
END $$;
