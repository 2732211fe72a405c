/* The hello of model D's relay object: any bytes. What is read is written the same again, and what is not under the key
 * is none. */
#include "tests/fuzz/fuzz.h"

#include "stack/d/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t copy[IT_D_HELLO_SIZE], again[IT_D_HELLO_SIZE];
    it_hmac_key key;
    it_d_hello h;
    it_d_hello_key(&key, it_bytes_str("0123456789abcdef"), it_bytes_str("secret"));
    (void)it_d_hello_is(it_bytes_of(data, n));
    if (it_d_hello_read(&h, &key, it_bytes_of(data, n)) == 0) {
        it_d_hello_write(&h, &key, again);
        MUST(n == sizeof again && memcmp(again, data, n) == 0);
    }
    if (n != sizeof copy)
        return 0;
    /* The same under the right tag: only the fields decide. */
    memcpy(copy, data, n);
    it_hmac_sha256(&key, copy + n - IT_SHA256_SIZE, it_bytes_of(copy, n - IT_SHA256_SIZE), it_bytes_of(NULL, 0));
    if (it_d_hello_read(&h, &key, it_bytes_of(copy, n)) < 0)
        return 0;
    it_d_hello_write(&h, &key, again);
    MUST(memcmp(again, copy, n) == 0);
    return 0;
}
