-- I1: each journal has the lines that it had when it was written, and they sum to zero. I24: a reversal and the first
-- journal net to zero in every account and part.
WITH line AS (
    SELECT journal_id, business_date, count(*) AS lines, sum(amount_fen) AS net_fen
      FROM posting
     WHERE centre_id = $1
     GROUP BY journal_id, business_date
),
header AS (
    SELECT journal_id, business_date, lines, reverses
      FROM journal
     WHERE centre_id = $1
),
pair AS (
    SELECT r.journal_id, r.business_date, r.reverses, o.journal_id AS found, o.business_date AS first_date
      FROM header r
      LEFT JOIN header o ON o.journal_id = r.reverses
     WHERE r.reverses IS NOT NULL
)
(SELECT 'I1' AS invariant, format('journal %s of %s', journal_id, business_date) AS place,
        CASE WHEN h.lines IS NULL THEN 'postings without a header'
             WHEN l.lines IS DISTINCT FROM h.lines THEN format('%s lines, written with %s', coalesce(l.lines, 0), h.lines)
             ELSE format('sums to %s fen', l.net_fen) END AS detail
   FROM header h
   FULL JOIN line l USING (journal_id, business_date)
  WHERE h.lines IS DISTINCT FROM l.lines
     OR l.net_fen <> 0
  LIMIT 100)
UNION ALL
(SELECT 'I24', format('journal %s of %s', journal_id, business_date),
        format('account %s keeps %s fen of journal %s and its reversal', account_id, net_fen, reverses)
   FROM (SELECT x.journal_id, x.business_date, x.reverses, p.account_id, p.part, sum(p.amount_fen) AS net_fen
           FROM pair x
          CROSS JOIN LATERAL (VALUES (x.journal_id, x.business_date), (x.reverses, x.first_date)) AS side (id, date)
           JOIN posting p ON p.centre_id = $1
                         AND p.journal_id = side.id
                         AND p.business_date = side.date
          GROUP BY x.journal_id, x.business_date, x.reverses, p.account_id, p.part) AS both_sides
  WHERE net_fen <> 0
  LIMIT 100)
UNION ALL
(SELECT 'I24', format('journal %s of %s', journal_id, business_date), format('reverses %s, which is not there', reverses)
   FROM pair
  WHERE found IS NULL
  LIMIT 100)
