-- Facts that prove themselves, and keys that rotate while the centre serves.

-- A keyed code over what a fact says, made when it is kept: whoever changes the row without the key is found by `anju policy replay`.
-- Null in rows that were kept before there was one.
ALTER TABLE fact ADD COLUMN mac bytea;

-- Who holds which keys at this moment: each serving process says so each second. A rotation goes on when all who live hold the new
-- ones. Times are the database's, since a centre's clock may be moved.
CREATE TABLE key_holder (
  centre_id  smallint    NOT NULL,
  holder     uuid        NOT NULL,
  data_key   smallint    NOT NULL,          -- the newest generation that it can open with
  index_key  smallint    NOT NULL,          -- the newest generation that it can look up by
  current_data_key  smallint NOT NULL,      -- the generation that it seals with
  current_index_key smallint NOT NULL,      -- the generation that it writes
  seen_at    timestamptz NOT NULL,
  PRIMARY KEY (centre_id, holder)
);

-- What a rotation of keys looks through: messages that carry a phone of their own (login codes). Others name a case.
CREATE INDEX outbox_done_phone ON outbox_done (centre_id, outbox_id) WHERE payload ->> 'phone' IS NOT NULL;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON key_holder TO anju_app;
  END IF;
END $$;
