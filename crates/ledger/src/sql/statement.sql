-- $1 centre, $2 accounts, $3 and $4 the first and the last day that is shown of each, $5 to $7 the place after which to begin, $8 how many
-- The balance after an entry is the account's balance less all that came later, so that what is older than the first day is not read.
-- The subjects stand here as in the index posting_account, which is partial. Bounds that are the same for all accounts leave months out of
-- which nothing is asked, and those that are laid out for later.
WITH bounds AS MATERIALIZED (
     SELECT (SELECT min(day) FROM unnest($3::date[]) AS named (day)) AS earliest,
            (SELECT open_date FROM business_day WHERE centre_id = $1) AS latest)
SELECT asked.place, entry.*
  FROM unnest($2::bigint[], $3::date[], $4::date[]) WITH ORDINALITY AS asked (account_id, first_day, last_day, place)
  JOIN ledger_account a ON a.centre_id = $1 AND a.account_id = asked.account_id
 CROSS JOIN LATERAL (
       SELECT shown.*
         FROM (SELECT m.business_date, j.made_at, m.journal_id, m.value_date, j.event, j.month, m.amount_fen,
                      (a.balance_fen - coalesce(sum(m.amount_fen) OVER later, 0))::bigint AS balance_fen, j.case_id, j.reverses
                 FROM (SELECT journal_id, business_date, min(value_date) AS value_date,
                              (ledger_side(min(subject)) * sum(amount_fen))::bigint AS amount_fen
                         FROM posting
                        WHERE centre_id = $1
                          AND account_id = asked.account_id
                          AND subject IN (201, 12101, 122, 11102, 21901, 21902)
                          AND business_date >= asked.first_day
                          AND business_date >= (SELECT earliest FROM bounds) AND business_date <= (SELECT latest FROM bounds)
                        GROUP BY journal_id, business_date
                       HAVING sum(amount_fen) <> 0) AS m       -- from one branch's books to another's: nothing to its holder
                 JOIN journal j ON j.centre_id = $1
                               AND j.journal_id = m.journal_id
                               AND j.business_date = m.business_date
                               AND j.business_date >= (SELECT earliest FROM bounds) AND j.business_date <= (SELECT latest FROM bounds)
               WINDOW later AS (ORDER BY m.business_date, j.made_at, m.journal_id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)) AS shown
        WHERE shown.business_date <= asked.last_day
          AND ($5::date IS NULL OR (shown.business_date, shown.made_at, shown.journal_id) > ($5::date, $6::timestamptz, $7::bigint))
        ORDER BY shown.business_date, shown.made_at, shown.journal_id
        LIMIT $8) AS entry
 ORDER BY asked.place, entry.business_date, entry.made_at, entry.journal_id
