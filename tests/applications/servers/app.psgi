# Writes down what is posted.
use strict;
use warnings;

return sub {
    my ($env) = @_;
    if ($env->{REQUEST_METHOD} eq 'POST') {
        $env->{'psgi.input'}->read(my $number, $env->{CONTENT_LENGTH});
        open my $posts, '>>', $ENV{POSTS} or die $!;
        syswrite $posts, "$number\n";
    }
    return [200, ['Content-Type' => 'text/plain', 'Content-Length' => 2], ['ok']];
};
