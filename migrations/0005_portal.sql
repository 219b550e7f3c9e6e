-- The first answer to each key of the machines' doors: a repeat is answered the same, for ever, even where the thing has moved on.

CREATE TABLE api_answer (
  centre_id smallint NOT NULL,
  key       uuid     NOT NULL,
  digest    uuid     NOT NULL,
  status    smallint NOT NULL,
  body      jsonb    NOT NULL,
  PRIMARY KEY (centre_id, key)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON api_answer TO anju_app;
  END IF;
END $$;
