-- What CDI paid on each day since {first}, per cent, for the page.
SELECT day, value
FROM br_rates
WHERE series = 'CDI' AND day >= DATE '{first}'
ORDER BY day
