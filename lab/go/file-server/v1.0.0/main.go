// Command file-server serves the lab's mirror: plain files below one directory, with HEAD, Range and content length.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"
)

func main() {
	root := flag.String("root", "", "directory to serve")
	listen := flag.String("listen", "", "address:port to listen on")
	flag.Parse()
	if *root == "" || *listen == "" {
		log.Fatal("--root and --listen are needed")
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("serving %s on %s", *root, listener.Addr())
	server := &http.Server{Handler: handler(*root), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}

// handler: unlike http.FileServer it neither lists directories nor redirects, so a wrong path is always a plain 404.
func handler(root string) http.Handler {
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodGet && request.Method != http.MethodHead {
			http.Error(response, "only GET and HEAD are served", http.StatusMethodNotAllowed)
			return
		}
		file, info := open(root, request.URL.Path)
		if file == nil {
			log.Printf("%s %s %s 404", request.RemoteAddr, request.Method, request.URL.Path)
			http.Error(response, "the lab's mirror has no "+request.URL.Path, http.StatusNotFound)
			return
		}
		defer file.Close()
		log.Printf("%s %s %s %s", request.RemoteAddr, request.Method, request.URL.Path, request.Header.Get("Range"))
		response.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(response, request, info.Name(), info.ModTime(), file)
	})
}

func open(root, urlPath string) (*os.File, os.FileInfo) {
	file, err := os.Open(filepath.Join(root, filepath.FromSlash(path.Clean("/"+urlPath))))
	if err != nil {
		return nil, nil
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, nil
	}
	return file, info
}
