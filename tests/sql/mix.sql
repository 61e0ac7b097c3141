-- mix.sh, on the server that this session is on: what runs the files of this folder runs it, too.
\setenv PGHOST :HOST
\setenv PGPORT :PORT
\setenv PGUSER :USER
\setenv PGDATABASE :DBNAME
\! tests/sql/mix.sh
