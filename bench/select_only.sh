# pgbench's select-only script on tables of scale 50 in the schema tpcb.
PGOPTIONS='-c search_path=tpcb' exec "${PGBENCH:-pgbench}" -n -M prepared -b select-only \
  -c "${CLIENTS:-16}" -j 2 -T "${SECONDS_LONG:-3}" "$DATABASE_URL"
