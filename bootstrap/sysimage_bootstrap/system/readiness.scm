;;; How a service shows that it is ready: a port, a file, a command, a message (sd_notify), a name on the bus.

(use-modules (srfi srfi-1)
             (srfi srfi-71)
             (ice-9 match)
             (rnrs bytevectors))

(define (port-accepts? address port)
  ;; Never blocks: the init does nothing else meanwhile.
  (define family (if (string-index address #\:) AF_INET6 AF_INET))
  (define socket-port (socket family (logior SOCK_STREAM SOCK_NONBLOCK SOCK_CLOEXEC) 0))
  (define accepted?
    (false-if-exception
     (let ((target (make-socket-address family (inet-pton family address) port)))
       (catch 'system-error
         (lambda () ((@ (guile) connect) socket-port target) #t)
         (lambda args
           (and (= (system-error-errno args) EINPROGRESS)
                (let loop ((tries 10))
                  (match (select '() (list socket-port) '() 0)
                    ((_ () _) (and (positive? tries) (begin (sleep 0.05) (loop (- tries 1)))))
                    (_ (zero? (getsockopt socket-port SOL_SOCKET SO_ERROR)))))))))))
  (close-port socket-port)
  accepted?)

(define (command-succeeds? command data variables seconds)
  (let ((pid status (apply start-unread command (identity-options data variables)))
        (deadline (+ (now) seconds)))
    (eqv? 0 (await-end pid status (lambda () (or (shutting-down?) (> (now) deadline)))))))

(define (ready? check data variables seconds)
  (match check
    (('tcp address port _) (port-accepts? address port))
    (('file file _) (file-exists? file))
    (('command _ . command) (command-succeeds? command data variables seconds))))

(define (check-timeout check)
  (match check
    (('tcp _ _ seconds) seconds)
    (('file _ seconds) seconds)
    (('command seconds . _) seconds)))

(define (describe-check check)
  (match check
    (('tcp address port _) (format #f "~a port ~a to accept a connection" address port))
    (('file file _) (format #f "~a to appear" file))
    (('command _ . command) (format #f "`~a` to succeed" (string-join command)))))


;;; Messages of services.

(define (state-directory)
  (if (zero? (getuid)) "/run/sysimage" (string-append (or (getenv "XDG_RUNTIME_DIR") "/tmp") "/sysimage")))

(define (make-directories path)
  (let loop ((parts (string-split (string-trim path #\/) #\/)) (done ""))
    (match parts
      (() #t)
      ((part . rest)
       (let ((directory (string-append done "/" part)))
         (false-if-exception (mkdir directory #o755))
         (loop rest directory))))))

(define (datagram-socket path mode)
  ;; A socket that receives messages at PATH.
  (let ((port (socket AF_UNIX (logior SOCK_DGRAM SOCK_NONBLOCK SOCK_CLOEXEC) 0)))
    (make-directories (dirname path))
    (false-if-exception (delete-file path))
    (bind port (make-socket-address AF_UNIX path))
    (chmod path mode)
    port))

(define (receive-messages port handle)
  ;; Call HANDLE with the text of each message until PORT is closed.
  (define buffer (make-bytevector 8192))
  (spawn-fiber
   (lambda ()
     (let loop ()
       (match (catch 'system-error
                (lambda () (recv! port buffer))
                (lambda args
                  (if (memv (system-error-errno args) (list EAGAIN EINTR)) 'later 'closed)))
         ('closed #f)
         ('later (wait-for-input port) (loop))
         (size
          (let ((text (make-bytevector size)))
            (bytevector-copy! buffer 0 text 0 size)
            (handle (or (false-if-exception (utf8->string text))
                        (list->string (map integer->char (bytevector->u8-list text)))))
            (loop))))))))

(define (notification text key)
  ;; The value that a message of sd_notify(3) gives a key, or #f.
  (any (lambda (line)
         (and (string-prefix? (string-append key "=") line)
              (substring line (+ 1 (string-length key)))))
       (string-split text #\newline)))


;;; /dev/log: a container has no syslog of its own.

(define (log-to-console text)
  ;; Write a message of syslog(3) without its priority. It is dropped where the console takes nothing: nobody may make
  ;; the init wait.
  (define console (car console-ports))
  (define start
    (match (and (string-prefix? "<" text) (string-index text #\>))
      ((? integer? end) (+ end 1))
      (_ 0)))
  (define line (string-trim-right (substring text start) (lambda (c) (or (char-whitespace? c) (char=? c #\nul)))))
  (match (select '() (list console) '() 0)
    ((_ () _) #f)
    (_ (false-if-exception (begin (display line console) (newline console) (force-output console))))))

(define (serve-log)
  (false-if-exception
   (begin
     (receive-messages (datagram-socket "/dev/log" #o666) log-to-console)
     #t)))
