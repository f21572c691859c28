-- A film as the conf `movielens` reads it; nothing here depends on the time. :ids is a bigint[].
SELECT
  f.film_id,
  f.film_id AS "movieId",
  f.title,
  f.genres,
  substring(f.title FROM '\((\d{4})\)$')::int AS "releaseYear",
  f.create_time
FROM film AS f
WHERE f.film_id = ANY (:ids)
