-- A film as the conf `films` reads it; nothing here depends on the time. :ids is a bigint[].
SELECT
  f.film_id,
  f.film_id AS item_id,
  f.title,
  f.genres,
  substring(f.title FROM '\((\d{4})\)$')::int AS release_year,
  f.create_time
FROM film AS f
WHERE f.film_id = ANY (:ids)
