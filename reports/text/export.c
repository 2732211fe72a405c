/* Captures as classic pcap, through libpcap, which reads pcapng and writes the older format only. */
#include "reports/text/text.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>

/* Copies every packet. Returns 0 or IT_ERR_PARSE with the reader's words. */
static int export_copy(pcap_t *in, pcap_dumper_t *out, const char *from, uint64_t *n, char err[512])
{
    struct pcap_pkthdr *head;
    const u_char *data;
    int rc;
    while ((rc = pcap_next_ex(in, &head, &data)) == 1) {
        pcap_dump((u_char *)out, head, data);
        ++*n;
    }
    if (rc != PCAP_ERROR_BREAK) { /* that is what the end of a file is called */
        snprintf(err, 512, "%.200s: %.250s", from, pcap_geterr(in));
        return IT_ERR_PARSE;
    }
    return 0;
}

/* Writes to |out|, which it closes. */
static int copy_and_close(pcap_t *in, pcap_dumper_t *out, const char *from, const char *to, uint64_t *n, char err[512])
{
    int rc = export_copy(in, out, from, n, err);
    errno = 0;
    bool lost = pcap_dump_flush(out) != 0 || ferror(pcap_dump_file(out));
    if (rc == 0 && lost) {
        snprintf(err, 512, "%.400s: %s", to, errno ? strerror(errno) : "could not be written");
        rc = IT_ERR_IO;
    }
    pcap_dump_close(out);
    return rc;
}

int it_export_pcap(const char *from, const char *to, uint64_t *n, char err[512])
{
    char why[PCAP_ERRBUF_SIZE] = "";
    *n = 0;
    FILE *f = fopen(from, "rb");
    if (!f) {
        snprintf(err, 512, "%.400s: %s", from, strerror(errno));
        return IT_ERR_NOTFOUND;
    }
    pcap_t *in = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
    if (!in) {
        snprintf(err, 512, "%.200s: %.250s", from, why);
        fclose(f);
        return IT_ERR_PARSE;
    }
    FILE *target = fopen(to, "wb");
    pcap_dumper_t *out = target ? pcap_dump_fopen(in, target) : NULL;
    int rc = IT_ERR_IO;
    if (out) {
        rc = copy_and_close(in, out, from, to, n, err);
    } else {
        snprintf(err, 512, "%.200s: %.250s", to, target ? pcap_geterr(in) : strerror(errno));
        if (target)
            fclose(target);
    }
    pcap_close(in);
    return rc;
}
