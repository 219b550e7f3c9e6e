# TPC-B as pgbench ships it, on tables of scale 50 in the schema tpcb. Prints pgbench's report.
PGOPTIONS='-c search_path=tpcb' exec "${PGBENCH:-pgbench}" -n -M prepared -b tpcb-like \
  -c "${CLIENTS:-16}" -j 2 -T "${SECONDS_LONG:-3}" "$DATABASE_URL"
