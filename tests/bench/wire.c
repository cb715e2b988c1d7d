/* Both ends of a measurement, far faster than any proxy between them, so that what is measured is the proxy.
 *
 *   wire upstream PORT                           an OpenAI-compatible provider
 *   wire load PORT CONNECTIONS SECONDS BODY [HEADER…]   asks in a closed loop; prints one line of JSON
 *
 * The upstream answers a body that holds "stream":true with EVENTS events as fast as they are taken, any other with one
 * plain completion, and GET with a model list. The load posts the file BODY over keep-alive connections, each of which
 * asks again as soon as it has its answer. Times are in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 200, READ_SIZE = 1 << 18, MOST_FDS = 4096, HEAD_LIMIT = 32768 };

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void watch(int poll, int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poll, operation, fd, &event)) fail("epoll_ctl");
}

static void make_fast(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* ---- the upstream */

typedef struct {
    char *in, *out;
    size_t in_length, in_room, out_length, out_sent, out_room;
} Talk;

static Talk talks[MOST_FDS];
static char plain[8192], models[512], stream[1 << 17];
static size_t plain_length, models_length, stream_length;

static size_t put_body(char *into, const char *kind, const char *body) {
    return sprintf(into, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", kind, strlen(body), body);
}

static size_t put_chunk(char *into, const char *body) {
    return sprintf(into, "%zx\r\n%s\r\n", strlen(body), body);
}

static void write_answers(void) {
    char text[1100], body[2048], event[512];
    const char *frame = "\"id\":\"chatcmpl-bench\",\"created\":1760000000,\"model\":\"bench-model\"";
    const char *usage = "\"usage\":{\"prompt_tokens\":300,\"completion_tokens\":200,\"total_tokens\":500}";
    memset(text, 'w', sizeof text);
    for (size_t i = 5; i < sizeof text; i += 6) text[i] = ' ';
    text[sizeof text - 1] = 0;
    sprintf(body, "{%s,\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
            "\"content\":\"%s\"},\"finish_reason\":\"stop\"}],%s}", frame, text, usage);
    plain_length = put_body(plain, "application/json", body);
    models_length = put_body(models, "application/json",
            "{\"object\":\"list\",\"data\":[{\"id\":\"bench-model\",\"object\":\"model\",\"created\":1,\"owned_by\":\"bench\"}]}");
    char *end = stream + sprintf(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i <= EVENTS; i++) {
        sprintf(event, "data: {%s,\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{%s},"
                "\"finish_reason\":%s}]}\n\n", frame, i < EVENTS ? "\"content\":\" word\"" : "", i < EVENTS ? "null" : "\"stop\"");
        end += put_chunk(end, event);
    }
    sprintf(event, "data: {%s,\"object\":\"chat.completion.chunk\",\"choices\":[],%s}\n\n", frame, usage);
    end += put_chunk(end, event);
    end += put_chunk(end, "data: [DONE]\n\n");
    end += sprintf(end, "0\r\n\r\n");
    stream_length = end - stream;
}

static void queue(Talk *talk, const char *data, size_t length) {
    if (talk->out_length + length > talk->out_room) {
        talk->out_room = 2 * (talk->out_length + length);
        talk->out = realloc(talk->out, talk->out_room);
    }
    memcpy(talk->out + talk->out_length, data, length);
    talk->out_length += length;
}

/* Send what is queued; -1 when the client is gone. */
static int flush(int poll, int fd) {
    Talk *talk = &talks[fd];
    while (talk->out_sent < talk->out_length) {
        ssize_t sent = send(fd, talk->out + talk->out_sent, talk->out_length - talk->out_sent, MSG_NOSIGNAL);
        if (sent < 0) {
            watch(poll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
            return 0;
        }
        talk->out_sent += sent;
    }
    talk->out_sent = talk->out_length = 0;
    watch(poll, EPOLL_CTL_MOD, fd, EPOLLIN);
    return 0;
}

/* Answer every whole request that was read. */
static void answer(Talk *talk) {
    for (;;) {
        char *head_end = memmem(talk->in, talk->in_length, "\r\n\r\n", 4);
        if (!head_end) return;
        *head_end = 0;
        size_t head = head_end - talk->in + 4, body = 0;
        char *length = strcasestr(talk->in, "\ncontent-length:");
        if (length) body = strtoul(length + 16, 0, 10);
        int get = !strncmp(talk->in, "GET", 3);
        *head_end = '\r';
        if (talk->in_length < head + body) return;
        size_t seen = body < 4096 ? body : 4096;
        int streamed = memmem(talk->in + head, seen, "\"stream\":true", 13) || memmem(talk->in + head, seen, "\"stream\": true", 14);
        if (get) queue(talk, models, models_length);
        else if (streamed) queue(talk, stream, stream_length);
        else queue(talk, plain, plain_length);
        talk->in_length -= head + body;
        memmove(talk->in, talk->in + head + body, talk->in_length);
    }
}

static void hang_up(int fd) {
    close(fd);
    talks[fd].in_length = talks[fd].out_length = talks[fd].out_sent = 0;
}

static void listen_to(int poll, int fd) {
    Talk *talk = &talks[fd];
    for (;;) {
        if (talk->in_room < talk->in_length + READ_SIZE) {
            talk->in_room = 2 * (talk->in_length + READ_SIZE);
            talk->in = realloc(talk->in, talk->in_room);
        }
        ssize_t got = recv(fd, talk->in + talk->in_length, READ_SIZE, 0);
        if (got == 0) {
            hang_up(fd);
            return;
        }
        if (got < 0) break;
        talk->in_length += got;
        if (got < READ_SIZE) break;
    }
    answer(talk);
    if (talk->out_length) flush(poll, fd);
}

_Noreturn static void upstream(int port) {
    struct sockaddr_in address = loopback(port);
    int poll = epoll_create1(0), door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(door, (void *)&address, sizeof address) || listen(door, 1024)) fail("listen");
    write_answers();
    watch(poll, EPOLL_CTL_ADD, door, EPOLLIN);
    for (struct epoll_event events[256];;) {
        int count = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == door) {
                int guest = accept(door, 0, 0);
                if (guest < 0) continue;
                if (guest >= MOST_FDS) { close(guest); continue; }
                make_fast(guest);
                watch(poll, EPOLL_CTL_ADD, guest, EPOLLIN);
                continue;
            }
            if (events[i].events & EPOLLOUT) flush(poll, fd);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) listen_to(poll, fd);
        }
    }
}

/* ---- the load */

typedef struct { double *values; size_t length, room; } Samples;

typedef struct {
    int fd, chunked, in_body, status, state;
    size_t sent, head_length, left;
    double asked_us, first_us;
    char head[HEAD_LIMIT], size[32];
    size_t size_length;
} Caller;

static Samples whole, first;
static char *request;
static size_t request_length;
static long answers, all_answers, errors, events_seen;
static double warm_us; /* what was asked before this moment does not count */

static void add(Samples *samples, double value) {
    if (samples->length == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 4096;
        samples->values = realloc(samples->values, samples->room * sizeof value);
    }
    samples->values[samples->length++] = value;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(Samples *samples, double part) {
    if (!samples->length) return 0;
    qsort(samples->values, samples->length, sizeof(double), by_value);
    return samples->values[(size_t)(part * (samples->length - 1) + 0.5)];
}

static void push_request(int poll, Caller *caller) {
    while (caller->sent < request_length) {
        ssize_t sent = send(caller->fd, request + caller->sent, request_length - caller->sent, MSG_NOSIGNAL);
        if (sent < 0) {
            watch(poll, EPOLL_CTL_MOD, caller->fd, EPOLLIN | EPOLLOUT);
            return;
        }
        caller->sent += sent;
    }
    watch(poll, EPOLL_CTL_MOD, caller->fd, EPOLLIN);
}

static void ask(int poll, Caller *caller) {
    caller->sent = caller->head_length = caller->size_length = 0;
    caller->in_body = caller->chunked = caller->state = 0;
    caller->left = 0;
    caller->first_us = 0;
    caller->asked_us = now_us();
    push_request(poll, caller);
}

static void dial(int poll, Caller *caller, int port, Caller **by_fd) {
    struct sockaddr_in address = loopback(port);
    caller->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (caller->fd >= MOST_FDS || connect(caller->fd, (void *)&address, sizeof address)) fail("connect");
    make_fast(caller->fd);
    by_fd[caller->fd] = caller;
    watch(poll, EPOLL_CTL_ADD, caller->fd, EPOLLIN);
}

/* Read the head of an answer; the number of bytes that belong to it. */
static size_t read_head(Caller *caller, const char *data, size_t length) {
    size_t room = HEAD_LIMIT - 1 - caller->head_length, taken = length < room ? length : room, before = caller->head_length;
    memcpy(caller->head + before, data, taken);
    caller->head[caller->head_length = before + taken] = 0;
    char *end = strstr(caller->head, "\r\n\r\n");
    if (!end) return taken;
    end[2] = 0;
    caller->in_body = 1;
    caller->status = atoi(caller->head + 9);
    caller->chunked = strcasestr(caller->head, "\ntransfer-encoding: chunked") != 0;
    char *declared = strcasestr(caller->head, "\ncontent-length:");
    caller->left = declared ? strtoul(declared + 16, 0, 10) : 0;
    return end + 4 - caller->head - before;
}

static void count_events(const char *data, size_t length) {
    for (const char *at = data; (at = memmem(at, length - (at - data), "data:", 5)); at += 5) events_seen++;
}

/* Read a part of a chunked body: state 0 is a size line, 1 the data, 2 the line end behind it, 3 the end of the body. */
static int read_chunks(Caller *caller, const char *data, size_t length) {
    for (size_t i = 0; i < length;) {
        if (caller->state == 1) {
            size_t part = caller->left < length - i ? caller->left : length - i;
            count_events(data + i, part);
            caller->left -= part;
            i += part;
            if (!caller->left) caller->state = 2;
        } else if (data[i++] == '\n') {
            if (caller->state == 3) return 1;
            if (caller->state == 2) { caller->state = 0; continue; }
            caller->size[caller->size_length] = 0;
            caller->left = strtoul(caller->size, 0, 16);
            caller->size_length = 0;
            caller->state = caller->left ? 1 : 3;
        } else if (caller->state == 0 && caller->size_length < sizeof caller->size - 1) {
            caller->size[caller->size_length++] = data[i - 1];
        }
    }
    return 0;
}

/* Take what came; 1 when the answer is complete. */
static int take(Caller *caller, const char *data, size_t length) {
    size_t used = caller->in_body ? 0 : read_head(caller, data, length);
    if (!caller->in_body) return 0;
    if (length > used && !caller->first_us) {
        caller->first_us = now_us();
        if (caller->asked_us > warm_us) add(&first, caller->first_us - caller->asked_us);
    }
    if (caller->chunked) return read_chunks(caller, data + used, length - used);
    caller->left -= length - used;
    return caller->left == 0;
}

static double mean(Samples *samples) {
    double sum = 0;
    for (size_t i = 0; i < samples->length; i++) sum += samples->values[i];
    return samples->length ? sum / samples->length : 0;
}

static void report_times(const char *prefix, Samples *samples) {
    printf("\"%s50\":%.1f,\"%s90\":%.1f,\"%s99\":%.1f,\"%s_mean\":%.1f,", prefix, percentile(samples, 0.5), prefix,
           percentile(samples, 0.9), prefix, percentile(samples, 0.99), prefix, mean(samples));
}

static void report(double seconds) {
    printf("{");
    report_times("p", &whole);
    report_times("first", &first);
    printf("\"per_s\":%.1f,\"events_per_s\":%.0f,\"all_answers\":%ld,\"errors\":%ld}\n", answers / seconds,
           events_seen / seconds, all_answers, errors);
}

static void prepare(const char *file, int headers, char **header) {
    FILE *body = fopen(file, "rb");
    if (!body) fail(file);
    fseek(body, 0, SEEK_END);
    size_t length = ftell(body);
    rewind(body);
    request = malloc(length + HEAD_LIMIT);
    char *end = request + sprintf(request, "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Content-Type: application/json\r\nContent-Length: %zu\r\n", length);
    for (int i = 0; i < headers; i++) end += sprintf(end, "%s\r\n", header[i]);
    end += sprintf(end, "\r\n");
    if (fread(end, 1, length, body) != length) fail(file);
    fclose(body);
    request_length = end + length - request;
}

static int load(int port, int connections, double seconds) {
    static Caller *by_fd[MOST_FDS];
    static char data[READ_SIZE];
    int poll = epoll_create1(0);
    Caller *callers = calloc(connections, sizeof *callers);
    for (int i = 0; i < connections; i++) dial(poll, &callers[i], port, by_fd);
    for (int i = 0; i < connections; i++) ask(poll, &callers[i]);
    double end = (warm_us = now_us() + 3e5) + seconds * 1e6;
    int measuring = 0;
    for (struct epoll_event events[256]; now_us() < end;) {
        int count = epoll_wait(poll, events, 256, 100);
        if (!measuring && now_us() > warm_us) { measuring = 1; events_seen = 0; }
        for (int i = 0; i < count; i++) {
            Caller *caller = by_fd[events[i].data.fd];
            if (events[i].events & EPOLLOUT) push_request(poll, caller);
            if (!(events[i].events & ~EPOLLOUT)) continue;
            ssize_t got = recv(caller->fd, data, sizeof data, 0);
            if (got < 0) continue;
            if (got == 0) {
                errors++;
                close(caller->fd);
                dial(poll, caller, port, by_fd);
                ask(poll, caller);
            } else if (take(caller, data, got)) {
                all_answers++;
                if (caller->status != 200) errors++;
                if (caller->asked_us > warm_us) {
                    add(&whole, now_us() - caller->asked_us);
                    answers++;
                }
                ask(poll, caller);
            }
        }
    }
    report(seconds);
    return 0;
}

int main(int count, char **argument) {
    signal(SIGPIPE, SIG_IGN);
    if (count == 3 && !strcmp(argument[1], "upstream")) upstream(atoi(argument[2]));
    if (count < 6 || strcmp(argument[1], "load")) return fprintf(stderr, "usage: see the top of wire.c\n"), 2;
    prepare(argument[5], count - 6, argument + 6);
    return load(atoi(argument[2]), atoi(argument[3]), atof(argument[4]));
}
