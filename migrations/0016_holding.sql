-- 集中封存户 (contribution.md §3.3): the centre stands in for people who have no employer any more. It is an employer like others, of which
-- a centre has one, so that memberships, pages and books need no second way.
ALTER TABLE employer ADD COLUMN holding boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX employer_holding ON employer (centre_id) WHERE holding;      -- the centre's own
