<?php
// Writes down what is posted.
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    file_put_contents($_SERVER['POSTS'], file_get_contents('php://input') . "\n", FILE_APPEND | LOCK_EX);
}
header('Content-Type: text/plain');
echo 'ok';
