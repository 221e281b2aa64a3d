"""Coming from HAR and VCR, and going back.

interactions  requests and answers, as any tool records them
reading       files of others, read within limits and as data alone
har, vcr      the two formats, both ways
importing     interactions become jobs, by way of the recorder (into a `draft`)
exporting     a cassette's jobs become what an ordinary client would have sent
"""
