-- What others ask of us (数据共享·对外提供): whom a person lets ask what, who asked, and what became of it.

-- Of a consent that lets somebody ask us: who may ask (D14 …). Null where it lets us ask others. Read by `consent_person`.
ALTER TABLE consent ADD COLUMN given_to text;

-- Of a look by another department: its code. Null for people and staff.
ALTER TABLE access_log ADD COLUMN source text;

CREATE TABLE given_answer (
  centre_id    smallint    NOT NULL,
  answer_id    bigint      NOT NULL,
  at           timestamptz NOT NULL,
  source       text        NOT NULL,            -- who asked: D14 …
  type         text        NOT NULL,            -- hpf.contribution
  person_id    bigint,                          -- about whom; null for somebody whom we do not know
  request_id   text        NOT NULL,            -- the asker's number of the question
  item         text        NOT NULL,            -- purpose, and case at the asker
  case_no      text        NOT NULL,
  operator     text        NOT NULL,            -- who there
  basis        text        NOT NULL,            -- statutory:{article}, or our number of the consent; empty where there was none
  code         smallint    NOT NULL,            -- 200 given, 404 no record, 403 without a basis
  ms           integer     NOT NULL,
  request_hash text        NOT NULL,
  answer_hash  text        NOT NULL,            -- SM3 of what was given; empty where nothing was
  PRIMARY KEY (centre_id, answer_id)
);
CREATE INDEX given_answer_source ON given_answer (centre_id, source, at DESC);   -- a source's page: the day's count and the newest

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON given_answer TO anju_app;
  END IF;
END $$;
