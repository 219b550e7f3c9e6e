-- Arrears (欠缴, contribution.md §15): what each employer owes by the last reckoning.
--
-- Not read from lists and members each time: the list of the whole centre is sorted by age and read page by page, and a month's due date
-- depends on payday and holidays. A night reckons all employers in one statement; a list that is allocated reckons its own again.
CREATE TABLE arrears (
  centre_id   smallint NOT NULL,
  employer_id bigint   NOT NULL,
  branch_id   smallint NOT NULL,
  first_month integer  NOT NULL,            -- the oldest month that is due and not covered
  last_month  integer  NOT NULL,
  months      integer  NOT NULL,
  people      integer  NOT NULL,            -- of the month with the most
  owed_fen    bigint   NOT NULL CHECK (owed_fen > 0),
  oldest_due  date     NOT NULL,            -- REMIT-06 of the oldest month
  as_of       date     NOT NULL,
  PRIMARY KEY (centre_id, employer_id)
);
CREATE INDEX arrears_oldest ON arrears (centre_id, oldest_due, employer_id);                     -- the list of the centre, oldest first
CREATE INDEX arrears_branch ON arrears (centre_id, branch_id, oldest_due, employer_id);          -- the list of a branch

-- 参保人数: how many people social insurance counts at an employer, and how many contribute here. A fact is kept by case; this is asked of
-- everybody in turn, and the turn has to be known.
CREATE TABLE headcount (
  centre_id   smallint NOT NULL,
  employer_id bigint   NOT NULL,
  asked_on    date     NOT NULL,
  insured     integer,                      -- none: the source had no answer
  members     integer  NOT NULL,
  PRIMARY KEY (centre_id, employer_id)
);

-- Nights that were reckoned: once a day, whichever process does it, and the figures that the page begins with.
CREATE TABLE arrears_run (
  centre_id smallint NOT NULL,
  day       date     NOT NULL,
  employers integer  NOT NULL,
  owed_fen  bigint   NOT NULL,
  clues     integer  NOT NULL DEFAULT 0,
  ended_at  timestamptz,                    -- none: it was interrupted and is done again
  PRIMARY KEY (centre_id, day)
);

-- 缓缴: whether a month of an employer is covered by an approved deferral. What knows deferrals replaces this function; until then no
-- month is deferred. Everything that asks about arrears asks here.
CREATE FUNCTION month_deferred(p_centre smallint, p_employer bigint, p_month integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT false
$$;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON arrears, headcount, arrears_run TO anju_app;
    GRANT DELETE ON arrears TO anju_app;      -- who has paid owes nothing
    GRANT EXECUTE ON FUNCTION month_deferred(smallint, bigint, integer) TO anju_app;
  END IF;
END $$;
