-- At the counter a teller acts for the employer whose clerk stands before him (综合柜员): the same pages as the clerk's own, with the teller as
-- who acted. Beside served_person in the session, since it lives and ends like that: with the visit.
ALTER TABLE session ADD COLUMN served_employer bigint;
