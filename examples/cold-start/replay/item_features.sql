-- A film as the conf `films` reads it; nothing here depends on the time. :ids is a JSON array.
SELECT
  f.film_id,
  f.film_id AS item_id,
  f.title,
  f.genres,
  CASE WHEN f.title GLOB '*([0-9][0-9][0-9][0-9])' THEN CAST(substr(f.title, -5, 4) AS INTEGER) END AS release_year,
  f.create_time
FROM film AS f
WHERE f.film_id IN (SELECT value FROM json_each(:ids))
