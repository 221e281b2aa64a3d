"""Coming from HAR and VCR, and going back.

interactions  requests and answers, as any tool records them
har, vcr      the two formats, both ways
reading       files of others, read within limits; `plain_yaml` and `bodies` likewise
importing     files become a cassette's jobs
playing       interactions are played to a recorder, which writes them down in a `draft`
exporting     a cassette's jobs become what an ordinary client would have sent
"""
