-- A witness whose word does not fit the log: it has signed a tree that ours does not extend (docs/operations.md §6). A row lasts as long as that does:
-- the sealer deletes it when the witness signs again. Nothing is published meanwhile.
CREATE TABLE log_objection (
  centre_id smallint    NOT NULL,
  witness   text        NOT NULL,           -- its name
  size      bigint      NOT NULL,           -- leaves of the tree that it has signed
  found_at  timestamptz NOT NULL,
  PRIMARY KEY (centre_id, witness)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON log_objection TO anju_app;
  END IF;
END $$;
