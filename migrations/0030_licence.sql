-- Log-in by electronic business licence, and employers that the market regulator opens before anybody has logged in.

-- A session by licence is bound to one credit code; its holder may have no account and no clerk's row yet, so that the table of clerks
-- does not do.
ALTER TABLE session
  ADD COLUMN uscc text,
  ADD COLUMN holder_role smallint,            -- 1 法定代表人, 2 授权经办人
  ADD COLUMN holder_sealed bytea;             -- name and phone
COMMENT ON COLUMN session.audience IS '1 person, 2 clerk, 3 staff, 4 holder of a licence whose employer has no account yet';

ALTER TABLE clerk ADD COLUMN kind smallint NOT NULL DEFAULT 1;   -- 1 经办人, 2 法定代表人, who acts by his licence alone
COMMENT ON COLUMN employer.state IS '1 active, 2 deferred, 3 sealed, 4 pre-opened 预开户, 9 cancelled';
