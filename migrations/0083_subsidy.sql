-- Housing subsidy (住房补贴, contribution.md §13): a second fund kind beside the provident fund, with an employer's account and a person's account
-- of its own.
--
-- Not in employer and membership: those have one suspense account, one account a person, months in order, base and ratio, none of which a
-- subsidy has. Its lists are remittances of kind 4, so that money is found, matched and allocated by the same steps.
CREATE TABLE subsidy_employer (             -- 单位账户, kind SUBSIDY
  centre_id           smallint NOT NULL,
  employer_id         bigint   NOT NULL,
  suspense_account_id bigint   NOT NULL,    -- 21901 of its own: what is over never pays a list of the provident fund
  opened_at           timestamptz NOT NULL,
  opened_by           bigint   NOT NULL,
  PRIMARY KEY (centre_id, employer_id)
);

CREATE TABLE subsidy_member (               -- 个人补贴账户
  centre_id   smallint NOT NULL,
  account_id  bigint   NOT NULL,
  person_id   bigint   NOT NULL,
  employer_id bigint   NOT NULL,
  opened_on   date     NOT NULL,
  PRIMARY KEY (centre_id, account_id)
);
CREATE UNIQUE INDEX subsidy_member_person ON subsidy_member (centre_id, person_id);               -- one person, one subsidy account
CREATE INDEX subsidy_member_employer ON subsidy_member (centre_id, employer_id, account_id);      -- an employer's list

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON subsidy_employer, subsidy_member TO anju_app;
  END IF;
END $$;
