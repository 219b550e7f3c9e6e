-- The ledger: accounts, journals, postings, days. Nothing but the functions of this file writes these tables.
--
-- Signs: a posting's amount is + for debit and - for credit; a balance stands on its subject's own side.
-- Errors: LD001 the day is not open (read again), LD002 no such open account, LD003 not available (frozen, reserved
-- or too little), LD004 an allocation does not fit its accounts, LD005 the day cannot be closed, LD006 no interest
-- rate, LD007 a writer that the close cannot see, LD008 a malformed or repeated entry; 23505 on command_pkey is a key
-- that was used before, 23514 on never_below a balance that would fall below zero.

-- 1. Tables ---------------------------------------------------------------------------------------------------------

CREATE TABLE ledger_account (
    account_id    bigint   NOT NULL,
    owner_id      bigint   NOT NULL,              -- person, employer, bank account, loan, or the subject's own code
    balance_fen   bigint   NOT NULL DEFAULT 0,    -- on the subject's own side
    frozen_fen    bigint   NOT NULL DEFAULT 0,    -- courts and disputes: may exceed the balance
    reserved_fen  bigint   NOT NULL DEFAULT 0,    -- E20: may not, hence two columns
    product       bigint   NOT NULL DEFAULT 0,    -- fen-days from settled_on to product_date
    accrual       bigint   NOT NULL DEFAULT 0,    -- fen x bp x days of the same time; an overflow is an error
    last_product  bigint   NOT NULL DEFAULT 0,    -- figures of the last settlement: RETURNING knows no old values,
    last_interest bigint   NOT NULL DEFAULT 0,    -- so the settling UPDATE leaves them here
    product_date  date     NOT NULL,
    settled_on    date     NOT NULL,
    version       integer  NOT NULL DEFAULT 0,    -- the guard of a decision made without a lock
    subject       integer  NOT NULL,
    centre_id     smallint NOT NULL,
    kind          smallint NOT NULL,
    state         smallint NOT NULL DEFAULT 1,    -- 1 open, 2 sealed (no contributions), 3 closed
    running       boolean  NOT NULL DEFAULT true, -- false: a bank or subject dimension, whose figure is a sum
    PRIMARY KEY (centre_id, account_id),
    CONSTRAINT known_kind CHECK (kind IN (1, 2, 3, 11, 12, 21, 22, 23, 24, 31, 41, 42, 43, 44, 90)),
    CONSTRAINT known_state CHECK (state IN (1, 2, 3)),
    CONSTRAINT never_below CHECK (NOT running OR (balance_fen >= 0 AND reserved_fen BETWEEN 0 AND balance_fen)),
    CONSTRAINT no_hot_row CHECK (running OR (balance_fen = 0 AND product = 0 AND version = 0)),
    CONSTRAINT frozen_not_negative CHECK (frozen_fen >= 0)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
-- For the accounts of a person or an employer. No index names a column that changes: updates stay heap-only.
CREATE INDEX account_owner ON ledger_account (centre_id, owner_id);
-- One suspense account an employer, one dimension a bank account or subject; persons may have had several accounts.
CREATE UNIQUE INDEX account_dimension ON ledger_account (centre_id, kind, owner_id) WHERE kind > 10;

CREATE TABLE journal (
    journal_id    bigint      NOT NULL,
    case_id       bigint,                         -- the case or remittance that it belongs to
    reverses      bigint,                         -- a red journal names the first
    maker_id      bigint      NOT NULL,
    checker_id    bigint,
    made_at       timestamptz NOT NULL,
    business_date date        NOT NULL,
    rule_id       integer     NOT NULL,           -- the policy version that decided it, 0 for none
    lines         integer     NOT NULL CHECK (lines > 0),  -- compared when the day is sealed: nothing was added later
    centre_id     smallint    NOT NULL,
    event         smallint    NOT NULL,           -- accounting event: 21 is E21
    branch_id     smallint    NOT NULL,           -- the branch that keeps the account
    month         smallint,                       -- of a contribution: 12 x year + month - 1
    CONSTRAINT two_persons CHECK (maker_id <> checker_id),
    PRIMARY KEY (centre_id, journal_id, business_date)
) PARTITION BY RANGE (business_date);

CREATE TABLE posting (
    journal_id    bigint   NOT NULL,
    account_id    bigint   NOT NULL,
    amount_fen    bigint   NOT NULL CHECK (amount_fen <> 0),
    business_date date     NOT NULL,
    value_date    date     NOT NULL,
    subject       integer  NOT NULL,
    centre_id     smallint NOT NULL,
    part          smallint NOT NULL,              -- 0 none, 1 employer, 2 employee, 3 interest, 4 transfer, 5 subsidy
    red           boolean  NOT NULL DEFAULT false, -- negative on its own side, lowers that side's turnover
    CONSTRAINT value_not_later CHECK (value_date <= business_date)
) PARTITION BY RANGE (business_date);
-- For an account's entries. Queries name the subjects as here, else the index is not used.
CREATE INDEX posting_account ON posting (account_id, business_date)
    WHERE subject IN (201, 12101, 122, 11102, 21901, 21902);
CREATE INDEX posting_journal ON posting USING brin (journal_id) WITH (pages_per_range = 64);
CREATE INDEX posting_day ON posting USING brin (business_date) WITH (pages_per_range = 32);

-- Kept for ever: the idempotency key of a request, or the key of (event, business key).
CREATE TABLE command (
    centre_id smallint NOT NULL,
    key       uuid     NOT NULL,
    digest    uuid     NOT NULL,
    ref_id    bigint   NOT NULL,                  -- the answer is drawn from it
    code      smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (centre_id, key)
);

-- W(t), the cumulated rate x days, is w + bp x (t - from_date).
CREATE TABLE interest_rate (
    centre_id smallint NOT NULL,
    from_date date     NOT NULL,
    bp        integer  NOT NULL CHECK (bp BETWEEN 0 AND 10000),
    w         bigint   NOT NULL,
    PRIMARY KEY (centre_id, from_date)
);

-- The part of a value-dated posting that lies before the last settlement; booked by E89.
CREATE TABLE product_adjustment (
    centre_id  smallint NOT NULL,
    account_id bigint   NOT NULL,
    journal_id bigint   NOT NULL,
    value_date date     NOT NULL,
    settled_on date     NOT NULL,
    product    bigint   NOT NULL,
    accrual    bigint   NOT NULL,
    booked_by  bigint                             -- the journal of E89
);
CREATE INDEX adjustment_due ON product_adjustment (centre_id, account_id) WHERE booked_by IS NULL;

-- Freezes (1) and reservations (2). Those that are not released sum to frozen_fen and reserved_fen.
CREATE TABLE account_hold (
    centre_id   smallint    NOT NULL,
    hold_id     bigint      NOT NULL,
    account_id  bigint      NOT NULL,
    case_id     bigint,
    amount_fen  bigint      NOT NULL CHECK (amount_fen > 0),
    kind        smallint    NOT NULL CHECK (kind IN (1, 2)),
    reason      text        NOT NULL,             -- court and document number, or what it waits for
    held_at     timestamptz NOT NULL,
    until_date  date,
    released_at timestamptz,
    PRIMARY KEY (centre_id, hold_id)
);
CREATE INDEX hold_live ON account_hold (centre_id, account_id) WHERE released_at IS NULL;

CREATE TABLE business_day (
    centre_id  smallint PRIMARY KEY,
    open_date  date     NOT NULL,
    by_segment boolean  NOT NULL                  -- interest by each rate's days, else the settlement day's rate for all
);
CREATE TABLE day_close (
    centre_id     smallint    NOT NULL,
    business_date date        NOT NULL,
    state         smallint    NOT NULL CHECK (state IN (1, 2)),   -- 1 marked, 2 sealed
    next_date     date        NOT NULL,
    maker_id      bigint      NOT NULL,
    checker_id    bigint      NOT NULL,
    marked_at     timestamptz NOT NULL,
    sealed_at     timestamptz,
    journals      bigint      NOT NULL DEFAULT 0,
    postings      bigint      NOT NULL DEFAULT 0,
    debit_fen     bigint      NOT NULL DEFAULT 0,
    vouchers      integer     NOT NULL DEFAULT 0,
    CONSTRAINT two_persons CHECK (maker_id <> checker_id),
    CONSTRAINT forward CHECK (next_date > business_date),
    PRIMARY KEY (centre_id, business_date)
);
-- Of each sealed day, carried forward so that one day is enough to read: closing_fen is signed, + debit.
CREATE TABLE day_sum (
    centre_id     smallint NOT NULL,
    business_date date     NOT NULL,
    branch_id     smallint NOT NULL,
    subject       integer  NOT NULL,
    debit_fen     bigint   NOT NULL,
    credit_fen    bigint   NOT NULL,
    closing_fen   bigint   NOT NULL,
    postings      bigint   NOT NULL,
    PRIMARY KEY (centre_id, business_date, branch_id, subject)
);
-- The same for each account that has no running balance.
CREATE TABLE account_sum (
    centre_id     smallint NOT NULL,
    business_date date     NOT NULL,
    account_id    bigint   NOT NULL,
    debit_fen     bigint   NOT NULL,
    credit_fen    bigint   NOT NULL,
    closing_fen   bigint   NOT NULL,
    PRIMARY KEY (centre_id, business_date, account_id)
);
-- Daily summary vouchers by event, bank account and branch, numbered without gaps in their month.
CREATE TABLE voucher (
    centre_id       smallint NOT NULL,
    month           smallint NOT NULL,            -- 12 x year + month - 1
    number          integer  NOT NULL,
    business_date   date     NOT NULL,
    event           smallint NOT NULL,
    branch_id       smallint NOT NULL,
    bank_account_id bigint   NOT NULL,            -- ledger account of the bank account, 0 where none is touched
    journals        integer  NOT NULL,
    lines           integer  NOT NULL,
    debit_fen       bigint   NOT NULL,
    credit_fen      bigint   NOT NULL,
    PRIMARY KEY (centre_id, month, number),
    UNIQUE (centre_id, business_date, event, bank_account_id, branch_id)
);
CREATE TABLE batch_range (
    centre_id  smallint    NOT NULL,
    batch_id   bigint      NOT NULL,
    lo         bigint      NOT NULL,
    hi         bigint      NOT NULL,
    journal_id bigint      NOT NULL,
    accounts   integer     NOT NULL,
    total_fen  bigint      NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (centre_id, batch_id, lo)
);

-- 2. Triggers -------------------------------------------------------------------------------------------------------

-- Looks at no table: looking up the journal here would plan over every partition.
CREATE FUNCTION posting_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('application_name') <> 'anju' THEN
        RAISE EXCEPTION 'writers must be named anju: the close waits for those sessions' USING errcode = 'LD007';
    END IF;
    IF EXISTS (SELECT FROM added GROUP BY centre_id, journal_id HAVING sum(amount_fen) <> 0) THEN
        RAISE EXCEPTION 'journal does not sum to zero' USING errcode = '23514', constraint = 'posting_check';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER posting_check AFTER INSERT ON posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION posting_check();

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: a mistake is reversed', tg_table_name USING errcode = '42501';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- 3. Small functions ------------------------------------------------------------------------------------------------

-- +1 where the subject's own side is debit (assets, expenses, memo), else -1.
CREATE FUNCTION ledger_side(p_subject integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN left(p_subject::text, 1) IN ('1', '9') OR left(p_subject::text, 3) = '411' THEN 1 ELSE -1 END
$$;
CREATE FUNCTION ledger_subject(p_kind smallint) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE p_kind WHEN 1 THEN 201 WHEN 2 THEN 201 WHEN 3 THEN 201 WHEN 11 THEN 21901 WHEN 12 THEN 21902
                       WHEN 21 THEN 10101 WHEN 22 THEN 10102 WHEN 23 THEN 10201 WHEN 24 THEN 10202 WHEN 31 THEN 21903
                       WHEN 41 THEN 12101 WHEN 42 THEN 122 WHEN 43 THEN 11102 WHEN 44 THEN 21909 END
$$;
-- The first day of the interest year that holds the day: 1 July.
CREATE FUNCTION interest_year(p_day date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT make_date(extract(year FROM p_day)::integer - (extract(month FROM p_day) < 7)::integer, 7, 1)
$$;
-- Half up, away from zero: money_rules 2. The divisor is 10,000 bp x 360 days.
CREATE FUNCTION ledger_interest(p_accrual bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sign(p_accrual)::bigint * ((abs(p_accrual) + 1800000) / 3600000)
$$;
-- plpgsql: a SQL function with a subquery is not inlined and costs five times as much a call.
CREATE FUNCTION w_at(p_centre smallint, p_day date) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    cumulated bigint;
BEGIN
    SELECT w + bp::bigint * (p_day - from_date) INTO cumulated
      FROM interest_rate
     WHERE centre_id = p_centre AND from_date <= p_day
     ORDER BY from_date DESC
     LIMIT 1;
    IF NOT found THEN
        RAISE EXCEPTION 'centre % has no interest rate on %', p_centre, p_day USING errcode = 'LD006';
    END IF;
    RETURN cumulated;
END $$;

-- Must run in the transaction that writes: its virtual id is then seen by the close until it has ended.
CREATE FUNCTION ledger_require_open(p_centre smallint, p_day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM business_day WHERE centre_id = p_centre AND open_date = p_day) THEN
        RAISE EXCEPTION '% is not the open business date', p_day USING errcode = 'LD001';
    END IF;
END $$;

-- Attaching takes no lock that stops writers; CREATE … PARTITION OF would.
CREATE FUNCTION ledger_ensure_partitions(p_from date, p_to date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    made  integer := 0;
    start date := date_trunc('month', p_from);
    name  text;
    base  text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ledger_ensure_partitions'));
    WHILE start <= p_to LOOP
        FOREACH base IN ARRAY ARRAY['journal', 'posting'] LOOP
            name := base || to_char(start, '_YYYYMM');
            IF to_regclass('public.' || name) IS NULL THEN
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', name, base);
                EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                               base, name, start, start + interval '1 month');
                made := made + 1;
            END IF;
        END LOOP;
        start := start + interval '1 month';
    END LOOP;
    RETURN made;
END $$;

-- Product and accrual of an account from its postings, counted from a settlement to a day. A posting's value date before
-- the settlement counts from the settlement: the days before it are an adjustment of their own.
CREATE FUNCTION ledger_products(p_centre smallint, p_account bigint, p_settled date, p_day date,
    OUT product bigint, OUT accrual bigint) LANGUAGE sql STABLE AS $$
    SELECT coalesce(-sum(amount_fen * (p_day - greatest(value_date, p_settled))), 0)::bigint,
           coalesce(-sum(amount_fen * (w_at(p_centre, p_day) - w_at(p_centre, greatest(value_date, p_settled)))), 0)::bigint
      FROM posting
     WHERE centre_id = p_centre
       AND account_id = p_account
       AND subject = 201
$$;

-- 4. A centre, its rates, its accounts ------------------------------------------------------------------------------

-- Opens the first business day and one account for each subject that is a dimension by itself, numbered by its code.
CREATE FUNCTION ledger_open_centre(p_centre smallint, p_first_day date, p_by_segment boolean, p_subjects integer[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM ledger_ensure_partitions(p_first_day, (p_first_day + interval '1 year')::date);
    INSERT INTO business_day (centre_id, open_date, by_segment) VALUES (p_centre, p_first_day, p_by_segment)
        ON CONFLICT (centre_id) DO UPDATE SET by_segment = excluded.by_segment;
    INSERT INTO ledger_account (centre_id, account_id, owner_id, kind, subject, running, product_date, settled_on)
    SELECT p_centre, code, code, 90, code, false, p_first_day, interest_year(p_first_day)
      FROM unnest(p_subjects) AS code
        ON CONFLICT DO NOTHING;
END $$;

-- A rate that is already known is left alone; one that would change days already counted is refused.
CREATE FUNCTION ledger_set_rate(p_centre smallint, p_from date, p_bp integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before interest_rate;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ledger_set_rate'), p_centre);
    IF EXISTS (SELECT FROM interest_rate WHERE centre_id = p_centre AND from_date = p_from AND bp = p_bp) THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM interest_rate WHERE centre_id = p_centre AND from_date >= p_from)
       OR EXISTS (SELECT FROM business_day WHERE centre_id = p_centre AND open_date > p_from)
          AND EXISTS (SELECT FROM interest_rate WHERE centre_id = p_centre) THEN
        RAISE EXCEPTION 'the rate from % would change days already counted', p_from USING errcode = 'LD006';
    END IF;
    SELECT * INTO before FROM interest_rate WHERE centre_id = p_centre ORDER BY from_date DESC LIMIT 1;
    INSERT INTO interest_rate (centre_id, from_date, bp, w)
    VALUES (p_centre, p_from, p_bp, coalesce(before.w + before.bp::bigint * (p_from - before.from_date), 0));
END $$;

CREATE FUNCTION ledger_open_accounts(p_centre smallint, p_kind smallint, p_day date, p_ids bigint[], p_owners bigint[])
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    opened integer;
BEGIN
    INSERT INTO ledger_account (centre_id, account_id, owner_id, kind, subject, running, product_date, settled_on)
    SELECT p_centre, id, owner, p_kind, ledger_subject(p_kind), p_kind NOT IN (21, 22, 23, 24, 31), p_day,
           interest_year(p_day)
      FROM unnest(p_ids, p_owners) AS opening (id, owner);
    GET DIAGNOSTICS opened = ROW_COUNT;
    RETURN opened;
END $$;

-- Open, sealed, closed. Only an empty account is closed. False: it was not in the state it should come from.
CREATE FUNCTION ledger_set_state(p_centre smallint, p_account bigint, p_from smallint, p_to smallint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE ledger_account
       SET state = p_to, version = version + 1
     WHERE centre_id = p_centre
       AND account_id = p_account
       AND running
       AND state = p_from
       AND (p_to <> 3 OR (balance_fen = 0 AND frozen_fen = 0 AND reserved_fen = 0));
    RETURN found;
END $$;

-- 5. Interest -------------------------------------------------------------------------------------------------------

-- Settles to the day before p_until and credits the interest with value p_until: key range or key list. Who is
-- already settled is left out, so that repeating it books nothing; so is who would fall below zero, for a person to see.
CREATE FUNCTION ledger_settle(p_centre smallint, p_day date, p_until date, p_journal bigint, p_event smallint,
    p_case bigint, p_maker bigint, p_rule integer, p_branch smallint, p_at timestamptz, p_lo bigint, p_hi bigint,
    p_accounts bigint[], OUT accounts integer, OUT total_fen bigint)
LANGUAGE plpgsql AS $$
DECLARE
    rate    interest_rate;
    days    text := 'a.product + a.balance_fen * ($3 - a.product_date)';
    earned  text;
    rounded text;       -- ledger_interest, written out: a function whose argument costs much is not inlined
    counter integer := CASE p_event WHEN 28 THEN 41101 ELSE 211 END;
BEGIN
    PERFORM ledger_require_open(p_centre, p_day);
    SELECT * INTO rate FROM interest_rate
     WHERE centre_id = p_centre AND from_date <= p_until - (p_event <> 28)::integer ORDER BY from_date DESC LIMIT 1;
    IF NOT found THEN
        PERFORM w_at(p_centre, p_until - (p_event <> 28)::integer);    -- raises
    END IF;
    IF (SELECT by_segment FROM business_day WHERE centre_id = p_centre) THEN
        -- The rate rarely changed since the last movement: then no look-up a row.
        earned := 'a.accrual + a.balance_fen * CASE WHEN a.product_date >= $12 THEN $13::bigint * ($3 - a.product_date)
                                                    ELSE $14 - w_at($1, a.product_date) END';
    ELSE
        earned := format('(%s) * $13', days);
    END IF;
    rounded := format('((%1$s + CASE WHEN %1$s < 0 THEN -1800000 ELSE 1800000 END) / 3600000)', earned);
    EXECUTE replace(replace(replace(
       'WITH settled AS (
            UPDATE ledger_account a
               SET last_product = <days>, last_interest = <interest>,
                   balance_fen = a.balance_fen + <interest>, product = 0, accrual = 0,
                   product_date = $3, settled_on = $3, version = a.version + 1
             WHERE a.centre_id = $1 AND <keys>
               AND a.subject = 201 AND a.state <> 3 AND a.settled_on < $3 AND a.product_date <= $3
               AND a.balance_fen + <interest> >= a.reserved_fen
            RETURNING a.account_id, a.last_interest),
        total AS (SELECT count(*) AS n, coalesce(sum(last_interest), 0)::bigint AS fen,
                         count(*) FILTER (WHERE last_interest <> 0) AS lines FROM settled),
        header AS (
            INSERT INTO journal (journal_id, case_id, maker_id, made_at, business_date, rule_id, lines, centre_id, event,
                                 branch_id)
            SELECT $4, $6, $7, $10, $2, $8, lines + (fen <> 0)::integer, $1, $5, $9 FROM total WHERE lines <> 0),
        line AS (
            INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part)
            SELECT $4, account_id, -last_interest, $2, $3, 201, $1, 3 FROM settled WHERE last_interest <> 0
             UNION ALL
            SELECT $4, $11, fen, $2, $3, $11, $1, 0 FROM total WHERE fen <> 0)
        SELECT n::integer, fen FROM total',
        '<keys>', CASE WHEN p_accounts IS NULL THEN 'a.account_id > $15 AND a.account_id <= $16'
                       ELSE 'a.account_id = ANY ($17)' END),
        '<days>', days), '<interest>', rounded)
       INTO accounts, total_fen
      USING p_centre, p_day, p_until, p_journal, p_event, p_case, p_maker, p_rule, p_branch, p_at, counter,
            rate.from_date, rate.bp, rate.w + rate.bp::bigint * (p_until - rate.from_date), p_lo, p_hi, p_accounts;
END $$;

-- Whoever touches an account in a new interest year settles it first (E72); the batch settles the rest.
CREATE FUNCTION ledger_settle_touched(p_centre smallint, p_day date, p_branch smallint, p_at timestamptz,
    p_accounts bigint[]) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT accounts
              FROM ledger_settle(p_centre, p_day, interest_year(p_day), nextval('anju_id'), 72::smallint, NULL, 0, 0,
                                 p_branch, p_at, NULL, NULL, p_accounts));
END $$;

-- E72 of one key range (p_lo, p_hi], one transaction with its mark: a range booked before raises 23505.
CREATE FUNCTION ledger_settle_range(p_centre smallint, p_day date, p_until date, p_batch bigint, p_lo bigint, p_hi bigint,
    p_journal bigint, p_maker bigint, p_branch smallint, p_at timestamptz, OUT accounts integer, OUT total_fen bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF p_until > p_day OR p_until <> interest_year(p_until) THEN
        RAISE EXCEPTION 'interest is settled to a 1 July that has been opened, not to %', p_until USING errcode = 'LD008';
    END IF;
    SELECT s.accounts, s.total_fen INTO accounts, total_fen
      FROM ledger_settle(p_centre, p_day, p_until, p_journal, 72::smallint, NULL, p_maker, 0, p_branch, p_at, p_lo, p_hi,
                         NULL) AS s;
    INSERT INTO batch_range (centre_id, batch_id, lo, hi, journal_id, accounts, total_fen, at)
    VALUES (p_centre, p_batch, p_lo, p_hi, p_journal, accounts, total_fen, p_at);
END $$;

-- E28: interest to the day before the closing, credited at once. The interest of an account already settled today is 0.
CREATE FUNCTION ledger_close_interest(p_centre smallint, p_day date, p_account bigint, p_journal bigint, p_case bigint,
    p_maker bigint, p_rule integer, p_branch smallint, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM ledger_settle_touched(p_centre, p_day, p_branch, p_at, ARRAY[p_account]);
    RETURN (SELECT total_fen
              FROM ledger_settle(p_centre, p_day, p_day, p_journal, 28::smallint, p_case, p_maker, p_rule, p_branch, p_at,
                                 NULL, NULL, ARRAY[p_account]));
END $$;

-- 6. Booking --------------------------------------------------------------------------------------------------------

-- A journal of any event: header, lines, balances, products, the event's key. Lines are parallel arrays; the subject is
-- the account's. p_frozen_too: the event may take what is frozen or reserved (a court's deduction, a reversal).
CREATE FUNCTION ledger_post(p_centre smallint, p_day date, p_journal bigint, p_event smallint, p_key uuid, p_digest uuid,
    p_case bigint, p_maker bigint, p_checker bigint, p_rule integer, p_branch smallint, p_month smallint,
    p_at timestamptz, p_frozen_too boolean, p_reverses bigint, p_accounts bigint[], p_parts smallint[],
    p_amounts bigint[], p_value_dates date[], p_red boolean[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    held    integer;
    changed integer;
    stale   bigint[];
BEGIN
    PERFORM ledger_require_open(p_centre, p_day);
    INSERT INTO command (centre_id, key, digest, ref_id) VALUES (p_centre, p_key, p_digest, p_journal);

    -- Rows with a running balance are locked in the order of their ids; dimensions are never locked.
    SELECT count(*), array_agg(account_id) FILTER (WHERE subject = 201 AND settled_on < interest_year(p_day))
      INTO held, stale
      FROM (SELECT account_id, subject, settled_on
              FROM ledger_account
             WHERE centre_id = p_centre AND account_id = ANY (p_accounts) AND running AND state <> 3
             ORDER BY account_id
               FOR NO KEY UPDATE) AS locked;
    IF stale IS NOT NULL THEN
        PERFORM ledger_settle_touched(p_centre, p_day, p_branch, p_at, stale);
    END IF;

    WITH change AS MATERIALIZED (
        SELECT a.account_id, sum(own)::bigint AS own,
               sum(own * (p_day - greatest(l.value_date, a.settled_on)))::bigint AS product,
               sum(CASE WHEN l.value_date < p_day AND a.subject = 201
                        THEN own * (w_at(p_centre, p_day) - w_at(p_centre, greatest(l.value_date, a.settled_on)))
                        ELSE 0 END)::bigint AS accrual
          FROM unnest(p_accounts, p_amounts, p_value_dates) AS l (account_id, amount_fen, value_date)
          JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id AND a.running
         CROSS JOIN LATERAL (SELECT l.amount_fen * ledger_side(a.subject) AS own) AS side
         GROUP BY a.account_id)
    UPDATE ledger_account a
       SET balance_fen  = a.balance_fen + c.own,
           version      = a.version + 1,
           product      = CASE WHEN a.subject = 201
                               THEN a.product + a.balance_fen * (p_day - a.product_date) + c.product ELSE 0 END,
           accrual      = CASE WHEN a.subject = 201
                               THEN a.accrual + c.accrual + CASE WHEN a.product_date = p_day THEN 0 ELSE
                                    a.balance_fen * (w_at(p_centre, p_day) - w_at(p_centre, a.product_date)) END
                               ELSE 0 END,
           product_date = p_day
      FROM change c
     WHERE a.centre_id = p_centre
       AND a.account_id = c.account_id
       AND a.state <> 3
       AND a.product_date <= p_day
       AND (a.subject <> 201 OR a.settled_on >= interest_year(p_day))
       AND (c.own >= 0 OR p_frozen_too OR a.balance_fen + c.own >= a.frozen_fen + a.reserved_fen);
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> held THEN
        PERFORM ledger_require_open(p_centre, p_day);     -- the day may have moved while a row was waited for
        RAISE EXCEPTION 'not available: frozen, reserved or too little' USING errcode = 'LD003';
    END IF;

    INSERT INTO journal (journal_id, case_id, reverses, maker_id, checker_id, made_at, business_date, rule_id, lines,
                         centre_id, event, branch_id, month)
    VALUES (p_journal, p_case, p_reverses, p_maker, p_checker, p_at, p_day, p_rule, cardinality(p_accounts), p_centre,
            p_event, p_branch, p_month);
    INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part, red)
    SELECT p_journal, a.account_id, l.amount_fen, p_day, l.value_date, a.subject, p_centre, l.part, l.red
      FROM unnest(p_accounts, p_parts, p_amounts, p_value_dates, p_red)
           AS l (account_id, part, amount_fen, value_date, red)
      JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id AND a.state <> 3;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> cardinality(p_accounts) THEN
        RAISE EXCEPTION 'a line names no open account' USING errcode = 'LD002';
    END IF;

    INSERT INTO product_adjustment (centre_id, account_id, journal_id, value_date, settled_on, product, accrual)
    SELECT p_centre, a.account_id, p_journal, l.value_date, a.settled_on,
           own * (a.settled_on - l.value_date),
           own * (w_at(p_centre, a.settled_on) - w_at(p_centre, l.value_date))
      FROM unnest(p_accounts, p_amounts, p_value_dates) AS l (account_id, amount_fen, value_date)
      JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id AND a.subject = 201
     CROSS JOIN LATERAL (SELECT l.amount_fen * ledger_side(a.subject) AS own) AS side
     WHERE l.value_date < a.settled_on;
    RETURN p_journal;
END $$;

-- E21 and its like: person account to a payable dimension. Guarded by version and open day: false means that nothing was
-- paid and the caller reads again (a new interest year is settled all the same). p_hold: the reservation that it uses up.
CREATE FUNCTION ledger_pay_out(p_centre smallint, p_day date, p_journal bigint, p_event smallint, p_key uuid,
    p_digest uuid, p_ref bigint, p_case bigint, p_maker bigint, p_checker bigint, p_rule integer, p_branch smallint,
    p_at timestamptz, p_account bigint, p_version integer, p_amount bigint, p_payable bigint, p_hold bigint)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    year    date := interest_year(p_day);
    guard   integer := p_version;
    held    bigint := 0;
    counter integer;
BEGIN
    IF p_hold IS NOT NULL THEN
        SELECT amount_fen INTO held FROM account_hold
         WHERE centre_id = p_centre AND hold_id = p_hold AND account_id = p_account AND kind = 2 AND released_at IS NULL
           FOR UPDATE;
        IF NOT found THEN
            RETURN false;
        END IF;
    END IF;
    LOOP
        UPDATE ledger_account a
           SET balance_fen  = a.balance_fen - p_amount,
               reserved_fen = a.reserved_fen - held,
               version      = a.version + 1,
               product      = a.product + a.balance_fen * (p_day - a.product_date),
               accrual      = a.accrual + CASE WHEN a.product_date = p_day THEN 0 ELSE
                              a.balance_fen * (w_at(p_centre, p_day) - w_at(p_centre, a.product_date)) END,
               product_date = p_day
          FROM business_day d
         WHERE d.centre_id = p_centre
           AND d.open_date = p_day           -- the day as the snapshot that writes sees it
           AND a.centre_id = p_centre
           AND a.account_id = p_account
           AND a.version = guard
           AND a.subject = 201
           AND a.state <> 3
           AND a.settled_on >= year
           AND a.product_date <= p_day
           AND p_amount > 0
           AND a.balance_fen - a.frozen_fen - a.reserved_fen + held >= p_amount;
        EXIT WHEN found;
        -- Once a year: the account is not settled yet.
        PERFORM FROM ledger_account
          WHERE centre_id = p_centre AND account_id = p_account AND version = guard AND settled_on < year AND state <> 3
            FOR NO KEY UPDATE;
        IF NOT found OR NOT EXISTS (SELECT FROM business_day WHERE centre_id = p_centre AND open_date = p_day)
           OR ledger_settle_touched(p_centre, p_day, p_branch, p_at, ARRAY[p_account]) <> 1 THEN
            RETURN false;
        END IF;
        guard := guard + 1;
    END LOOP;
    UPDATE account_hold SET released_at = p_at WHERE centre_id = p_centre AND hold_id = p_hold;
    SELECT subject INTO counter FROM ledger_account
     WHERE centre_id = p_centre AND account_id = p_payable AND NOT running;
    IF NOT found THEN
        RAISE EXCEPTION '% is not a dimension account', p_payable USING errcode = 'LD002';
    END IF;
    INSERT INTO command (centre_id, key, digest, ref_id) VALUES (p_centre, p_key, p_digest, p_ref);
    INSERT INTO journal (journal_id, case_id, maker_id, checker_id, made_at, business_date, rule_id, lines, centre_id,
                         event, branch_id)
    VALUES (p_journal, p_case, p_maker, p_checker, p_at, p_day, p_rule, 2, p_centre, p_event, p_branch);
    INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part)
    VALUES (p_journal, p_account, p_amount, p_day, p_day, 201, p_centre, 0),
           (p_journal, p_payable, -p_amount, p_day, p_day, counter, p_centre, 0);
    RETURN true;
END $$;

-- E05, E06, E12: one journal credits a roster from the employer's suspense account. All lines or none; the lines'
-- accounts and the suspense account are locked in the order of their ids by the one UPDATE. The plan is pinned: a hash
-- join over all accounts is three times slower.
CREATE FUNCTION ledger_allocate(p_centre smallint, p_day date, p_journal bigint, p_event smallint, p_key uuid,
    p_digest uuid, p_case bigint, p_maker bigint, p_checker bigint, p_rule integer, p_branch smallint, p_month smallint,
    p_at timestamptz, p_value_date date, p_suspense bigint, p_accounts bigint[], p_first bigint[], p_second bigint[],
    p_first_part smallint DEFAULT 1, p_second_part smallint DEFAULT 2) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    year    date := interest_year(p_day);
    now_w   bigint := w_at(p_centre, p_day);
    rate    interest_rate;
    total   bigint;
    changed integer;
    stale   bigint[];
BEGIN
    SELECT sum(first + second) INTO total FROM unnest(p_first, p_second) AS line (first, second);
    IF total IS NULL OR total <= 0 OR EXISTS (SELECT FROM unnest(p_first) AS v WHERE v IS NULL OR v < 0)
       OR EXISTS (SELECT FROM unnest(p_second) AS v WHERE v IS NULL OR v < 0)
       OR cardinality(p_first) <> cardinality(p_accounts) OR cardinality(p_second) <> cardinality(p_accounts) THEN
        RAISE EXCEPTION 'an allocation needs lines of amounts that are not negative' USING errcode = 'LD004';
    END IF;
    SELECT * INTO rate FROM interest_rate
     WHERE centre_id = p_centre AND from_date <= p_day ORDER BY from_date DESC LIMIT 1;
    FOR attempt IN 1 .. 2 LOOP
        BEGIN
            WITH line AS MATERIALIZED (
                SELECT account_id, own
                  FROM (SELECT account_id, first + second
                          FROM unnest(p_accounts, p_first, p_second) AS l (account_id, first, second)
                         UNION ALL
                        SELECT p_suspense, -total) AS both_sides (account_id, own)
                 ORDER BY account_id)
            UPDATE ledger_account a
               SET balance_fen  = a.balance_fen + l.own,
                   version      = a.version + 1,
                   product      = CASE WHEN a.subject = 201
                                       THEN a.product + a.balance_fen * (p_day - a.product_date)
                                            + l.own * (p_day - greatest(p_value_date, a.settled_on))
                                       ELSE 0 END,
                   accrual      = CASE WHEN a.subject = 201
                                       THEN a.accrual
                                            + a.balance_fen * CASE WHEN a.product_date >= rate.from_date
                                                                   THEN rate.bp::bigint * (p_day - a.product_date)
                                                                   ELSE now_w - w_at(p_centre, a.product_date) END
                                            + l.own * CASE WHEN p_value_date = p_day THEN 0
                                                           ELSE now_w - w_at(p_centre, greatest(p_value_date, a.settled_on))
                                                           END
                                       ELSE 0 END,
                   product_date = p_day
              FROM line l, business_day d
             WHERE d.centre_id = p_centre
               AND d.open_date = p_day
               AND a.centre_id = p_centre
               AND a.account_id = l.account_id
               -- Inside a CASE the planner does not guess that few rows remain, and keeps looking accounts up by line.
               AND CASE WHEN a.running AND a.state = 1 AND a.product_date <= p_day
                             AND (a.subject = 201 AND a.settled_on >= year OR a.account_id = p_suspense)
                        THEN true ELSE false END;
            GET DIAGNOSTICS changed = ROW_COUNT;
            EXIT WHEN changed = cardinality(p_accounts) + 1;
            RAISE EXCEPTION '% of % accounts take no contribution', cardinality(p_accounts) + 1 - changed,
                  cardinality(p_accounts) USING errcode = 'LD004';
        EXCEPTION WHEN SQLSTATE 'LD004' THEN
            PERFORM ledger_require_open(p_centre, p_day);
            -- Once a year: those that are not settled yet are settled, and the whole is tried again.
            SELECT array_agg(a.account_id ORDER BY a.account_id) INTO stale
              FROM unnest(p_accounts) AS l (account_id)
              JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id
                                   AND CASE WHEN a.subject = 201 AND a.settled_on < year AND a.state = 1
                                            THEN true ELSE false END;
            IF attempt = 2 OR stale IS NULL THEN
                RAISE;
            END IF;
            PERFORM ledger_settle_touched(p_centre, p_day, p_branch, p_at, stale);
        END;
    END LOOP;

    INSERT INTO command (centre_id, key, digest, ref_id) VALUES (p_centre, p_key, p_digest, p_journal);
    INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part)
    SELECT p_journal, l.account_id, -side.fen, p_day, p_value_date, 201, p_centre, side.part
      FROM unnest(p_accounts, p_first, p_second) AS l (account_id, first, second),
           LATERAL (VALUES (l.first, p_first_part), (l.second, p_second_part)) AS side (fen, part)
     WHERE side.fen <> 0
     UNION ALL
    SELECT p_journal, p_suspense, total, p_day, p_value_date, 21901, p_centre, 0::smallint;
    GET DIAGNOSTICS changed = ROW_COUNT;
    INSERT INTO journal (journal_id, case_id, maker_id, checker_id, made_at, business_date, rule_id, lines, centre_id,
                         event, branch_id, month)
    VALUES (p_journal, p_case, p_maker, p_checker, p_at, p_day, p_rule, changed, p_centre, p_event, p_branch, p_month);
    IF p_value_date < p_day THEN
        INSERT INTO product_adjustment (centre_id, account_id, journal_id, value_date, settled_on, product, accrual)
        SELECT p_centre, a.account_id, p_journal, p_value_date, a.settled_on,
               (l.first + l.second) * (a.settled_on - p_value_date),
               (l.first + l.second) * (w_at(p_centre, a.settled_on) - w_at(p_centre, p_value_date))
          FROM unnest(p_accounts, p_first, p_second) AS l (account_id, first, second)
          JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = l.account_id
         WHERE a.settled_on > p_value_date;
    END IF;
    RETURN cardinality(p_accounts);
END $$;

-- 冲正: books the first journal again in red with its own value dates, so that no interest is lost, and names it. The
-- reversal of a closing's interest (E28) reopens the interest year of the account from its postings.
CREATE FUNCTION ledger_reverse(p_centre smallint, p_day date, p_journal bigint, p_event smallint, p_key uuid,
    p_digest uuid, p_case bigint, p_maker bigint, p_checker bigint, p_rule integer, p_at timestamptz, p_original bigint,
    p_original_date date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    original journal;
BEGIN
    SELECT * INTO original FROM journal
     WHERE centre_id = p_centre AND journal_id = p_original AND business_date = p_original_date;
    IF NOT found OR original.reverses IS NOT NULL THEN
        RAISE EXCEPTION 'journal % of % is not one that can be reversed', p_original, p_original_date
              USING errcode = 'LD008';
    END IF;
    -- A journal is reversed once, whatever the event's own key.
    INSERT INTO command (centre_id, key, digest, ref_id)
    VALUES (p_centre, md5('reversal:' || p_original)::uuid, p_digest, p_journal);
    PERFORM ledger_post(p_centre, p_day, p_journal, p_event, p_key, p_digest, p_case, p_maker, p_checker, p_rule,
                        original.branch_id, original.month, p_at, true, p_original, array_agg(account_id),
                        array_agg(part), array_agg(-amount_fen), array_agg(value_date), array_agg(NOT red))
       FROM posting
      WHERE centre_id = p_centre AND journal_id = p_original AND business_date = p_original_date;
    IF original.event = 28 THEN
        UPDATE ledger_account a
           SET settled_on = interest_year(p_original_date), product = r.product, accrual = r.accrual, last_product = 0,
               last_interest = 0, version = version + 1
          FROM posting p, LATERAL ledger_products(p_centre, p.account_id, interest_year(p_original_date), p_day) AS r
         WHERE p.centre_id = p_centre AND p.journal_id = p_original AND p.business_date = p_original_date
           AND p.subject = 201
           AND a.centre_id = p_centre AND a.account_id = p.account_id;
        DELETE FROM product_adjustment x
         USING posting p
         WHERE p.centre_id = p_centre AND p.journal_id = p_original AND p.business_date = p_original_date
           AND p.subject = 201
           AND x.centre_id = p_centre AND x.account_id = p.account_id AND x.booked_by IS NULL
           AND x.value_date >= interest_year(p_original_date);
    END IF;
    RETURN p_journal;
END $$;

-- E89: books what value-dated postings owe for the time before the last settlement. 0: nothing was due.
CREATE FUNCTION ledger_correct_interest(p_centre smallint, p_day date, p_journal bigint, p_key uuid, p_digest uuid,
    p_case bigint, p_maker bigint, p_checker bigint, p_rule integer, p_branch smallint, p_at timestamptz,
    p_account bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    owed bigint;
BEGIN
    WITH due AS (
        UPDATE product_adjustment SET booked_by = p_journal
         WHERE centre_id = p_centre AND account_id = p_account AND booked_by IS NULL
        RETURNING accrual)
    SELECT coalesce(ledger_interest(sum(accrual)::bigint), 0) INTO owed FROM due;
    IF owed <> 0 THEN
        PERFORM ledger_post(p_centre, p_day, p_journal, 89::smallint, p_key, p_digest, p_case, p_maker, p_checker,
                            p_rule, p_branch, NULL, p_at, true, NULL, ARRAY[41101, p_account], ARRAY[0, 3]::smallint[],
                            ARRAY[owed, -owed], ARRAY[p_day, p_day], ARRAY[owed < 0, owed < 0]);
    END IF;
    RETURN owed;
END $$;

-- 7. Holds ----------------------------------------------------------------------------------------------------------

-- Freezes (kind 1, may exceed the balance) or reserves (kind 2, only what is available). False: not available.
CREATE FUNCTION ledger_freeze(p_centre smallint, p_hold bigint, p_account bigint, p_kind smallint, p_amount bigint,
    p_case bigint, p_reason text, p_until date, p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE ledger_account a
       SET frozen_fen   = a.frozen_fen + CASE p_kind WHEN 1 THEN p_amount ELSE 0 END,
           reserved_fen = a.reserved_fen + CASE p_kind WHEN 2 THEN p_amount ELSE 0 END,
           version      = a.version + 1
     WHERE a.centre_id = p_centre
       AND a.account_id = p_account
       AND a.running
       AND a.state <> 3
       AND (p_kind = 1 OR a.balance_fen - a.frozen_fen - a.reserved_fen >= p_amount);
    IF NOT found THEN
        RETURN false;
    END IF;
    INSERT INTO account_hold (centre_id, hold_id, account_id, case_id, amount_fen, kind, reason, held_at, until_date)
    VALUES (p_centre, p_hold, p_account, p_case, p_amount, p_kind, p_reason, p_at, p_until);
    RETURN true;
END $$;

-- False: it was released before.
CREATE FUNCTION ledger_unfreeze(p_centre smallint, p_hold bigint, p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hold account_hold;
BEGIN
    UPDATE account_hold SET released_at = p_at
     WHERE centre_id = p_centre AND hold_id = p_hold AND released_at IS NULL
    RETURNING * INTO hold;
    IF NOT found THEN
        RETURN false;
    END IF;
    UPDATE ledger_account a
       SET frozen_fen   = a.frozen_fen - CASE hold.kind WHEN 1 THEN hold.amount_fen ELSE 0 END,
           reserved_fen = a.reserved_fen - CASE hold.kind WHEN 2 THEN hold.amount_fen ELSE 0 END,
           version      = a.version + 1
     WHERE a.centre_id = p_centre AND a.account_id = hold.account_id;
    RETURN true;
END $$;

-- 8. Days -----------------------------------------------------------------------------------------------------------

-- Marks the open day and opens the next, to be committed alone. The close then waits for the writers of that instant.
CREATE FUNCTION ledger_mark_day(p_centre smallint, p_day date, p_next date, p_maker bigint, p_checker bigint,
    p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM ledger_ensure_partitions(p_next, (p_next + interval '1 year')::date);
    UPDATE business_day SET open_date = p_next WHERE centre_id = p_centre AND open_date = p_day;
    IF NOT found THEN
        RETURN false;
    END IF;
    INSERT INTO day_close (centre_id, business_date, state, next_date, maker_id, checker_id, marked_at)
    VALUES (p_centre, p_day, 1, p_next, p_maker, p_checker, p_at);
    RETURN true;
END $$;

-- Totals, checks, numbers and seals a marked day whose writers have ended. Returns the number of vouchers.
CREATE FUNCTION ledger_seal_day(p_centre smallint, p_day date, p_at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    month_no smallint := extract(year FROM p_day) * 12 + extract(month FROM p_day) - 1;
    sealed   date;
    bad      bigint;
    numbered integer;
BEGIN
    PERFORM FROM day_close WHERE centre_id = p_centre AND business_date = p_day AND state = 1 FOR UPDATE;
    IF NOT found THEN
        RAISE EXCEPTION '% is not marked', p_day USING errcode = 'LD005';
    END IF;
    IF EXISTS (SELECT FROM day_close WHERE centre_id = p_centre AND business_date < p_day AND state = 1) THEN
        RAISE EXCEPTION 'an earlier day is not sealed' USING errcode = 'LD005';
    END IF;
    SELECT max(business_date) INTO sealed FROM day_close WHERE centre_id = p_centre AND state = 2;

    -- Each journal of the day, its lines counted and summed (I1), for the totals below.
    CREATE TEMPORARY TABLE sealing ON COMMIT DROP AS
    SELECT j.journal_id, j.event, j.branch_id,
           coalesce(min(p.account_id) FILTER (WHERE p.subject IN (10101, 10102, 10201, 10202)), 0) AS bank_account_id,
           j.lines AS said, count(p.journal_id) AS lines, sum(p.amount_fen) AS net_fen,
           coalesce(sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) <> p.red), 0) AS debit_fen,
           coalesce(-sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) = p.red), 0) AS credit_fen
      FROM journal j
      LEFT JOIN posting p ON p.centre_id = p_centre AND p.business_date = p_day AND p.journal_id = j.journal_id
     WHERE j.centre_id = p_centre AND j.business_date = p_day
     GROUP BY j.journal_id, j.event, j.branch_id, j.lines;
    ANALYZE sealing;
    SELECT journal_id INTO bad FROM sealing WHERE said <> lines OR net_fen <> 0 LIMIT 1;
    IF found THEN
        RAISE EXCEPTION 'journal % does not have its lines or does not balance', bad USING errcode = 'LD005';
    END IF;
    IF (SELECT coalesce(sum(lines), 0) FROM sealing)
       <> (SELECT count(*) FROM posting WHERE centre_id = p_centre AND business_date = p_day) THEN
        RAISE EXCEPTION 'postings without a journal' USING errcode = 'LD005';
    END IF;

    INSERT INTO day_sum (centre_id, business_date, branch_id, subject, debit_fen, credit_fen, closing_fen, postings)
    SELECT p_centre, p_day, branch_id, subject, sum(debit), sum(credit), sum(opening) + sum(debit) - sum(credit),
           sum(lines)
      FROM (SELECT branch_id, subject, closing_fen AS opening, 0 AS debit, 0 AS credit, 0 AS lines
              FROM day_sum WHERE centre_id = p_centre AND business_date = sealed
             UNION ALL
            SELECT j.branch_id, p.subject, 0, coalesce(sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) <> p.red), 0),
                   coalesce(-sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) = p.red), 0), count(*)
              FROM posting p
              JOIN sealing j ON j.journal_id = p.journal_id
             WHERE p.centre_id = p_centre AND p.business_date = p_day
             GROUP BY j.branch_id, p.subject) AS moved
     GROUP BY branch_id, subject;
    INSERT INTO account_sum (centre_id, business_date, account_id, debit_fen, credit_fen, closing_fen)
    SELECT p_centre, p_day, account_id, sum(debit), sum(credit), sum(opening) + sum(debit) - sum(credit)
      FROM (SELECT account_id, closing_fen AS opening, 0 AS debit, 0 AS credit
              FROM account_sum WHERE centre_id = p_centre AND business_date = sealed
             UNION ALL
            SELECT p.account_id, 0, coalesce(sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) <> p.red), 0),
                   coalesce(-sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) = p.red), 0)
              FROM posting p
              JOIN ledger_account a ON a.centre_id = p_centre AND a.account_id = p.account_id AND NOT a.running
             WHERE p.centre_id = p_centre AND p.business_date = p_day
             GROUP BY p.account_id) AS moved
     GROUP BY account_id;
    SELECT -sum(closing_fen) INTO bad FROM day_sum
     WHERE centre_id = p_centre AND business_date = p_day AND subject = 21907;
    IF bad <> 0 THEN
        RAISE EXCEPTION '% fen collected from cards are not applied (21907)', bad USING errcode = 'LD005';
    END IF;

    INSERT INTO voucher (centre_id, month, number, business_date, event, branch_id, bank_account_id, journals, lines,
                         debit_fen, credit_fen)
    SELECT p_centre, month_no,
           (SELECT coalesce(max(number), 0) FROM voucher WHERE centre_id = p_centre AND month = month_no)
               + row_number() OVER (ORDER BY event, bank_account_id, branch_id),
           p_day, event, branch_id, bank_account_id, count(*), sum(lines), sum(debit_fen), sum(credit_fen)
      FROM sealing
     GROUP BY event, bank_account_id, branch_id;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    UPDATE day_close
       SET state = 2, sealed_at = p_at, vouchers = numbered, journals = t.journals, postings = t.postings,
           debit_fen = t.debit
      FROM (SELECT count(*) AS journals, coalesce(sum(lines), 0) AS postings, coalesce(sum(debit_fen), 0) AS debit
              FROM sealing) AS t
     WHERE centre_id = p_centre AND business_date = p_day;
    RETURN numbered;
END $$;

-- 9. Rights ---------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    name text;
    app  boolean := EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app');
BEGIN
    FOR name IN SELECT oid::regprocedure::text FROM pg_proc
                 WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'ledger\_%' LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', name);
    END LOOP;
    IF app THEN
        FOR name IN SELECT oid::regprocedure::text FROM pg_proc
                     WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'ledger\_%'
                       AND (prosecdef OR proname IN ('ledger_side', 'ledger_subject', 'ledger_interest',
                                                     'ledger_require_open')) LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO anju_app', name);
        END LOOP;
        GRANT SELECT ON ledger_account, journal, posting, interest_rate, product_adjustment, account_hold, business_day,
                        day_close, day_sum, account_sum, voucher, batch_range TO anju_app;
        GRANT SELECT, INSERT ON command TO anju_app;
    END IF;
END $$;
