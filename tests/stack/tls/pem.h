/* A certificate in a file, and its key. */
#ifndef IT_TESTS_STACK_TLS_PEM_H
#define IT_TESTS_STACK_TLS_PEM_H

/* A key and a certificate of it as OpenSSL 3 writes them, valid from 2010 to 2040, for "file.example". */
static const char FILE_KEY[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAItjjXrnZoDWYLdy\n"
                               "wm3DkV28xFb+RA+DniN0ezfkM9uhRANCAARLTwCiSLGo/fRjwPaN1S3jz8c2HKC/\n"
                               "qgjIdgGV54YsNKQS7iA68M8KfLQAatOL+LPNSTy247LjD0aRjQrc8IlX\n"
                               "-----END PRIVATE KEY-----\n";
static const char FILE_CERT[] = "-----BEGIN CERTIFICATE-----\n"
                                "MIIBnDCCAUKgAwIBAgIUcpr9rkv1fjGnGJlKW5VfmBU5f2swCgYIKoZIzj0EAwIw\n"
                                "DzENMAsGA1UEAwwEZmlsZTAeFw0xMDAxMDEwMDAwMDBaFw00MDAxMDEwMDAwMDBa\n"
                                "MA8xDTALBgNVBAMMBGZpbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARLTwCi\n"
                                "SLGo/fRjwPaN1S3jz8c2HKC/qgjIdgGV54YsNKQS7iA68M8KfLQAatOL+LPNSTy2\n"
                                "47LjD0aRjQrc8IlXo3wwejAdBgNVHQ4EFgQUiHJyk8IXWqVvttyGSVE55sNxaQYw\n"
                                "HwYDVR0jBBgwFoAUiHJyk8IXWqVvttyGSVE55sNxaQYwDwYDVR0TAQH/BAUwAwEB\n"
                                "/zAXBgNVHREEEDAOggxmaWxlLmV4YW1wbGUwDgYDVR0PAQH/BAQDAgKEMAoGCCqG\n"
                                "SM49BAMCA0gAMEUCIQD9zBHbibWSemQfzu4syDdGOwNE9/3GHcA0XMarAt4zKAIg\n"
                                "QCkY+Q7AJIz18GodNUJ04PC9z3teR1ARuNjxjnoOb60=\n"
                                "-----END CERTIFICATE-----\n";

#endif
