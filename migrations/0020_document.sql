-- Documents (证明、对账单、回单; services.md §14): what was handed out on paper or as a file, so that whoever is shown it can ask whether
-- it is ours and still holds.
--
-- Why a table of its own: a case's row and events say what was done, not what a paper said; a paper outlives its case, is replaced and
-- revoked by itself, is found by a code that nobody can guess, and some (the yearly statement) have no case at all.

CREATE TABLE document (
  centre_id   smallint    NOT NULL,
  document_id bigint      NOT NULL,
  code        text        NOT NULL,           -- 校验码: 16 characters without look-alikes, 80 bits
  kind        text        NOT NULL,           -- template id of services.md §14
  template    smallint    NOT NULL,           -- its version
  case_id     bigint,
  subject_id  bigint      NOT NULL,           -- person or employer
  scope       text        NOT NULL,           -- what it is for: a later one of the same scope takes its place
  data_sealed bytea       NOT NULL,           -- what it says, as JSON
  digest      bytea       NOT NULL,           -- SM3 of its canonical form; the case's evidence commits to it
  issued_at   timestamptz NOT NULL,
  valid_until date,                           -- the last day; null: without end
  revoked_at  timestamptz,
  revoked_by  bigint,
  replaced_by bigint,
  PRIMARY KEY (centre_id, document_id),
  UNIQUE (centre_id, code)                    -- verification
);
CREATE INDEX document_case ON document (centre_id, case_id) WHERE case_id IS NOT NULL;      -- the paper of a case
CREATE INDEX document_subject ON document (centre_id, subject_id, document_id);              -- one's own papers, newest first
-- CMN-09: whether a certificate for a loan elsewhere is open.
CREATE INDEX document_remote ON document (centre_id, subject_id) WHERE kind = 'doc-remote-loan-certificate' AND revoked_at IS NULL AND replaced_by IS NULL;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON document TO anju_app;
    -- What a paper said is never changed; that it no longer holds is noted.
    GRANT UPDATE (revoked_at, revoked_by, replaced_by) ON document TO anju_app;
  END IF;
END $$;
