-- 服务找人: what our books say of everybody at once, who was found to be entitled, who was told, who then claimed.
--
-- population: the books by person, for conditions as SQL. The figures (months in full without a gap, what others hold of the balance) are
-- drawn from eight tables; reading them anew for each service of each run would be the whole cost. Derived and taken anew by every run, so
-- that nothing of it is written ahead: after a crash it is empty and the run begins again.
CREATE UNLOGGED TABLE population (
  centre_id         smallint NOT NULL,
  person_id         bigint   NOT NULL,
  branch_id         smallint NOT NULL,
  district          text     NOT NULL,      -- of the employer
  state             text     NOT NULL,      -- of the account: active, sealed, closed
  balance_fen       bigint   NOT NULL,
  frozen_fen        bigint   NOT NULL,
  reserved_fen      bigint   NOT NULL,
  whole_freeze      boolean  NOT NULL,
  transferring_out  boolean  NOT NULL,
  remote_mark       boolean  NOT NULL,
  opened_on         date     NOT NULL,
  sealed_on         date,
  continuous_months bigint   NOT NULL,
  first_month       bigint,                 -- months as 12 × year + month − 1
  last_month        bigint,
  paying_cases      bigint   NOT NULL,
  last_rent_claim   date,
  last_rent_month   bigint,
  listed_until      date,                   -- 失信名单
  phone_changed     bigint,                 -- seconds
  PRIMARY KEY (centre_id, person_id)
);

-- A run of one day: where it stands, so that an interrupted one goes on, and its figures.
CREATE TABLE entitlement_run (
  centre_id  smallint NOT NULL,
  day        date     NOT NULL,
  service    text     NOT NULL,             -- '' for the taking of the population
  people     bigint   NOT NULL DEFAULT 0,   -- looked through
  possible   bigint   NOT NULL DEFAULT 0,   -- nothing in our books speaks against it
  judged     bigint   NOT NULL DEFAULT 0,   -- decided with kept facts and live consents
  found      bigint   NOT NULL DEFAULT 0,
  mark       bigint   NOT NULL DEFAULT 0,   -- the last person that was judged
  began_at   timestamptz NOT NULL,
  ended_at   timestamptz,
  PRIMARY KEY (centre_id, day, service)
);

CREATE TABLE entitlement_count (            -- of the last run, for the map of districts
  centre_id smallint NOT NULL,
  service   text     NOT NULL,
  branch_id smallint NOT NULL,
  district  text     NOT NULL,
  possible  bigint   NOT NULL,
  PRIMARY KEY (centre_id, service, branch_id, district)
);

-- Who is entitled to what. One open row for a person and a service: the same entitlement is told once, however often it is found.
CREATE TABLE entitlement (
  centre_id      smallint NOT NULL,
  entitlement_id bigint   NOT NULL,
  person_id      bigint   NOT NULL,
  service        text     NOT NULL,
  branch_id      smallint NOT NULL,
  district       text     NOT NULL,
  state          smallint NOT NULL DEFAULT 1,   -- 1 open, 2 claimed, 3 no longer
  amount_fen     bigint   NOT NULL CHECK (amount_fen > 0),
  policy_id      integer  NOT NULL,
  found_at       timestamptz NOT NULL,
  seen_on        date     NOT NULL,             -- the last day on which it was found
  told_at        timestamptz,
  claimed_case   bigint,
  ended_at       timestamptz,
  PRIMARY KEY (centre_id, entitlement_id)
);
CREATE UNIQUE INDEX entitlement_open ON entitlement (centre_id, person_id, service) WHERE state = 1;
CREATE INDEX entitlement_person ON entitlement (centre_id, person_id, told_at);              -- when was this person told last
CREATE INDEX entitlement_list ON entitlement (centre_id, service, entitlement_id);           -- the list of a service
CREATE INDEX entitlement_branch ON entitlement (centre_id, branch_id, service, entitlement_id);  -- the same of a branch
CREATE INDEX entitlement_untold ON entitlement (centre_id, amount_fen DESC, entitlement_id) WHERE state = 1 AND told_at IS NULL;  -- who is told next

CREATE TABLE entitlement_quiet (            -- who does not want to be told
  centre_id smallint NOT NULL,
  person_id bigint   NOT NULL,
  since     timestamptz NOT NULL,
  PRIMARY KEY (centre_id, person_id)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON population, entitlement_count, entitlement_quiet TO anju_app;
    GRANT SELECT, INSERT, UPDATE ON entitlement_run, entitlement TO anju_app;
  END IF;
END $$;
