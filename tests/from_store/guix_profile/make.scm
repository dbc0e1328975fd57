;; Makes the file "profile" beside this one: variables of every kind, as Guix 1.5.0's own build-profile writes them.
;;
;;     guix repl -- make.scm /gnu/store OUTPUT        (the two items below must exist in the store, with these files)
(use-modules (guix build profiles) (guix search-paths))

(define (item name) (string-append (cadr (command-line)) "/" name))

(define* (variable name files #:key (separator ":") (type 'directory) (pattern #f))
  (search-path-specification->sexp
   (search-path-specification
    (variable name) (files files) (separator separator) (file-type type) (file-pattern pattern))))

(build-profile
 (caddr (command-line))
 `(manifest
   (version 4)
   (packages
    (("guile" "3.0.9" "out" ,(item "gggggggggggggggggggggggggggggggg-guile-3.0.9")
      (propagated-inputs ())
      (search-paths
       (,(variable "GUILE_LOAD_PATH" '("share/guile/site/3.0"))
        ,(variable "GUILE_LOAD_COMPILED_PATH" '("lib/guile/3.0/site-ccache" "share/guile/site/3.0")))))
     ("tzdata" "2025a" "out" ,(item "tttttttttttttttttttttttttttttttt-tzdata-2025a")
      (propagated-inputs ())
      (search-paths
       (,(variable "TZDIR" '("share/zoneinfo") #:separator #f)
        ,(variable "SSL_CERT_DIR" '("etc/ssl/certs") #:separator #f)
        ,(variable "SSL_CERT_FILE" '("etc/ssl/certs/ca-certificates.crt") #:separator #f #:type 'regular)
        ,(variable "XML_CATALOG_FILES" '("xml") #:separator " " #:type 'regular #:pattern "^catalog\\.xml$")
        ,(variable "TEXMF" '("share/texmf")))))))))
