<?php
// Answers with the headers that it saw: php -S 127.0.0.1:3000 echo.php
header('Content-Type: application/json');
// As a PHP application sees them: HTTP_X_USER_ID, and so on.
echo json_encode(array_filter($_SERVER, fn ($name) => str_starts_with($name, 'HTTP_'), ARRAY_FILTER_USE_KEY));
