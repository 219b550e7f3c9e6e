-- The keys of the log, of codes and of public numbers rotate, too.

-- What the log has said of a change of its keys, signed by the former and the next: docs/evidence.md. It is public, and stands for ever.
CREATE TABLE log_transition (
  centre_id  smallint    NOT NULL,
  generation smallint    NOT NULL CHECK (generation > 1),   -- of the keys that begin
  note       text        NOT NULL,
  at         timestamptz NOT NULL,
  until_at   timestamptz NOT NULL,                          -- the former keys sign beside the new ones until then
  PRIMARY KEY (centre_id, generation)
);

-- In the order codes, public numbers, log. A program from before says nothing of them: it holds the first of each.
ALTER TABLE key_holder
  ADD COLUMN others         smallint[] NOT NULL DEFAULT '{1,1,1}',   -- the newest generations that it holds
  ADD COLUMN current_others smallint[] NOT NULL DEFAULT '{1,1,1}';   -- those that it uses

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT ON log_transition TO anju_app;
  END IF;
END $$;
