-- Files handed out of a document (services.md §6, verify-document: "verification code or file"): whoever was sent a file learns whether it is
-- byte for byte what we handed out.
--
-- Why a table of its own: `document` says what was issued and never changes; its file is set when it is fetched, and another version of the
-- program sets the same words in other bytes.

CREATE TABLE document_copy (
  centre_id   smallint NOT NULL,
  digest      bytea    NOT NULL,          -- SM3 of the file
  document_id bigint   NOT NULL,
  PRIMARY KEY (centre_id, digest)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON document_copy TO anju_app;
  END IF;
END $$;
