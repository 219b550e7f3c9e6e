-- A transfer that waits for the old employer to seal (TRF-02 by time, contribution.md §9). Its case is executing meanwhile; until when, for whom,
-- and why it is still not done are asked for by day, account and old employer, which a case cannot hold.
CREATE TABLE transfer_request (
  centre_id        smallint NOT NULL,
  case_id          bigint   NOT NULL,
  account_id       bigint   NOT NULL,
  person_id        bigint   NOT NULL,
  from_employer_id bigint   NOT NULL,         -- who was told; what holds now is the membership's
  to_employer_id   bigint   NOT NULL,
  until            date     NOT NULL,         -- from this day on social security's record of the new job moves it
  ask_on           date     NOT NULL,         -- when social security is asked, or asked again
  state            smallint NOT NULL CHECK (state BETWEEN 1 AND 5),   -- 1 waits, 2 done, 3 moved by time, 4 refused, 5 taken back
  held_by          text,                      -- what kept it from being done when it was looked at last, in words
  ended_at         timestamptz,
  PRIMARY KEY (centre_id, case_id)
);
CREATE UNIQUE INDEX transfer_request_account ON transfer_request (centre_id, account_id) WHERE state = 1;          -- one at a time
CREATE INDEX transfer_request_waiting ON transfer_request (centre_id, case_id) WHERE state = 1;                    -- what each minute looks at
CREATE INDEX transfer_request_from ON transfer_request (centre_id, from_employer_id, case_id) WHERE state = 1;     -- the old employer's page
CREATE INDEX transfer_request_to ON transfer_request (centre_id, to_employer_id, case_id) WHERE state = 1;         -- the new employer's page

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON transfer_request TO anju_app;
  END IF;
END $$;
