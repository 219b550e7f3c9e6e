-- What a person keeps of himself (个人信息、手机、联名卡): steps bound to an act, what was changed, and what a replaced number still finds.

-- SMS step-up (services.md §2, L3s): the act whose code came back, and when. Beside face_digest, since an act may want both.
ALTER TABLE session ADD COLUMN sms_digest bytea, ADD COLUMN sms_at timestamptz;

-- Old values are kept (contribution.md §14). Not case_event: its details are numbers that enter the evidence log and are shown as they
-- stand, while these are personal, sealed, and sealed again when keys rotate.
CREATE TABLE person_change (
  centre_id     smallint    NOT NULL,
  person_id     bigint      NOT NULL,
  change_id     bigint      NOT NULL,
  at            timestamptz NOT NULL,
  what          text        NOT NULL CHECK (what IN ('phone', 'card', 'name', 'id', 'address', 'education', 'marital', 'email',
                                                     'contact_name', 'contact_phone')),
  before_sealed bytea,                      -- null: there was none
  after_sealed  bytea       NOT NULL,
  audience      smallint    NOT NULL,       -- who: 1 the person, 2 a clerk, 3 staff, 4 an interface; as access_log
  actor_id      bigint      NOT NULL,
  channel       text        NOT NULL,
  case_id       bigint      NOT NULL,
  PRIMARY KEY (centre_id, person_id, change_id)   -- the history of one person, newest first
);

-- Not columns of person: every withdrawal reads that row, and these are read on one page and by nobody who looks for somebody.
CREATE TABLE person_detail (
  centre_id smallint NOT NULL,
  person_id bigint   NOT NULL,
  sealed    bytea    NOT NULL,              -- address, education, marital state, e-mail, emergency contact, as one document
  PRIMARY KEY (centre_id, person_id)
);

-- The numbers that a person had before (PERS-09): each still finds the same person. Not person.id_index_before, which is one place of
-- the person's own number for a rotation of keys.
CREATE TABLE person_former_id (
  centre_id   smallint    NOT NULL,
  id_index    bytea       NOT NULL,
  id_sealed   bytea       NOT NULL,
  person_id   bigint      NOT NULL,
  change_id   bigint      NOT NULL,
  replaced_at timestamptz NOT NULL,
  PRIMARY KEY (centre_id, change_id)              -- a rotation of keys looks through it
);
CREATE UNIQUE INDEX person_former_id_index ON person_former_id (centre_id, id_index);     -- look-up by whole ID number

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON person_change, person_detail, person_former_id TO anju_app;
    GRANT UPDATE ON person_detail TO anju_app;
  END IF;
END $$;
