-- Files that others get from us (对外报送): one for each flow and period, and a further version only for one that was refused whole.
CREATE TABLE sent_file (
  centre_id      smallint    NOT NULL,
  file_id        bigint      NOT NULL,
  source         text        NOT NULL,             -- who gets it: D07 …
  flow           text        NOT NULL,             -- of the catalogue
  day            date        NOT NULL,             -- the last day of which it speaks
  version        smallint    NOT NULL,             -- 1, then one more each time that it was mended
  name           text        NOT NULL,             -- the same name is the same file, there too
  rows           integer     NOT NULL,
  control_fen    bigint      NOT NULL,
  sm3            text        NOT NULL,             -- of the packed file
  content_sealed bytea,                            -- the packed file; gone when it was answered
  state          smallint    NOT NULL DEFAULT 1,   -- 1 to be sent, 2 taken, 3 refused whole
  reason         text        NOT NULL DEFAULT '',  -- why it was refused, in the receiver's words
  receipt        text,                             -- the receiver's number of it
  made_at        timestamptz NOT NULL,
  made_by        bigint      NOT NULL DEFAULT 0,   -- who had it sent again; 0 the schedule
  tried_at       timestamptz,
  failure        text,                             -- why the last try was none
  answered_at    timestamptz,
  PRIMARY KEY (centre_id, file_id),
  CHECK ((state = 1) = (content_sealed IS NOT NULL))
);
CREATE UNIQUE INDEX sent_file_period ON sent_file (centre_id, source, flow, day, version);   -- whether the file of a period was made, and its newest
CREATE INDEX sent_file_source ON sent_file (centre_id, source, file_id DESC);                -- a source's page, newest first

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON sent_file TO anju_app;
  END IF;
END $$;
