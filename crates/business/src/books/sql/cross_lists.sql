-- A list that stands allocated is the sum of its lines, and what it says it has allocated is what its allocations (E05, E06, E12) have credited to
-- people; what was put right later (E10, E11) has journals of its own.
WITH line AS (
    SELECT remittance_id, sum(employer_fen + employee_fen) AS fen
      FROM remittance_line
     WHERE centre_id = $1
     GROUP BY remittance_id
),
credited AS (
    SELECT j.case_id AS remittance_id, -sum(p.amount_fen) AS fen
      FROM posting p
      JOIN journal j ON j.centre_id = p.centre_id
                    AND j.journal_id = p.journal_id
                    AND j.business_date = p.business_date
     WHERE p.centre_id = $1
       AND p.subject = 201
       AND j.event IN (5, 6, 12)
       AND j.case_id IS NOT NULL
     GROUP BY j.case_id
),
list AS (
    SELECT r.remittance_id, r.amount_fen, r.allocated_fen, coalesce(l.fen, 0) AS lines_fen, coalesce(c.fen, 0) AS credited_fen
      FROM remittance r
      LEFT JOIN line l USING (remittance_id)
      LEFT JOIN credited c USING (remittance_id)
     WHERE r.centre_id = $1
       AND r.state = 3
)
SELECT remittance_id, format('清册 %s 分，明细合计 %s 分，已分配 %s 分，记入个人账户 %s 分', amount_fen, lines_fen, allocated_fen, credited_fen)
  FROM list
 WHERE amount_fen <> lines_fen
    OR allocated_fen <> credited_fen
 ORDER BY remittance_id
 LIMIT 1000
